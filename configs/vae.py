"""Variational autoencoder 784-400-(20,20)-400-784.

Kingma & Welling 2014, "Auto-encoding variational Bayes" (ICLR); the network is that of the notebook
11-VAE of the course Deep Learning (NYU, spring 2020; Alfredo Canziani and Yann LeCun, week 8-3;
github.com/Atcold/pytorch-Deep-Learning), which prints no numbers. Bernoulli likelihood, loss in
nats per image: negative ELBO = BCE + KL.

    python -m experiments.run --config=configs/vae.py
    python -m experiments.run --config=configs/vae.py:published

`:keras` is 784-250-(30,30)-320-784 on squared error per image, whose encoder delivers the deviation
itself, not its logarithm, of the companion notebook of the articles of Adrian Pacurar (The Mathy
Bit, 2018; github.com/mathybit/ml-tutorials, autoencoders.ipynb). Published there (50 epochs, epoch
means of SSE + KL): 62.7774 after the first, 29.2838 after the last. `:keras,limited` goes on for 20
epochs on the reconstruction alone: published 10.1211 to 4.0269, while samples fall apart.

`:sigma` is a Gaussian likelihood whose deviation is the best of each batch (Rybkin et al. 2021,
"Simple and effective VAE training with calibrated decoders").

`:deep` is 784-500-250-10, on which most applications are measured: halfway between two images it
decodes more plausible ones (see `analyse --only=interpolation`).

`:tc` is the beta-TCVAE with beta = 2 (Chen et al. 2018, "Isolating sources of disentanglement in
variational autoencoders"): numbers of the code that depend on each other cost more. With their
beta of 6 about a third of these 20 numbers is not used.

`:iwae` is the importance-weighted autoencoder with 5 samples (Burda et al. 2016, "Importance
weighted autoencoders"): a tighter bound on log p(x).

Measured:
`vae:published,keras` (seeds: 3): published 29.2838 (last epoch, companion notebook), here 29.19 ±
0.07, beaten.
`vae` (3 seeds): mse 0.013 ± 0.0001, PCA 0.0248, mean image 0.0691, loss (nats) 106 ± 0.05.
"""

CONFIG = {
    "encoder": {"hidden": (400,)},
    "bottleneck": {"name": "gaussian"},
    "decoder": {"hidden": (400,), "output": "sigmoid"},
    "model": {"code_size": 20},
    "loss": {"name": "bernoulli_nll", "per": "image"},
    "penalties": {"gaussian_kl": {"weight": 1.0}},
    "optim": {"name": "adam", "learning_rate": 1e-3},
    "train": {"batch_size": 256, "epochs": 100},
}
VARIANTS = {
    "published": {"data.name": "mnist", "train.epochs": 10},
    "keras": {
        "encoder.hidden": (250,),
        "decoder.hidden": (320,),
        "bottleneck.deviation": "raw",
        "model": {"code_size": 30, "init": "keras"},
        "loss": {"name": "squared_error"},
        "optim": {"name": "keras_adam", "eps": 1e-7},
        "train": {"batch_size": 250, "epochs": 50},
    },
    "deep": {
        "encoder.hidden": (500, 250),
        "decoder.hidden": (250, 500),
        "model": {"code_size": 10, "init": "he"},
        "optim.learning_rate": 2e-3,
        "optim.schedule": "cosine",
    },
    "sigma": {"loss.name": "gaussian_nll"},
    "tc": {"penalties.total_correlation.weight": 1.0},
    "iwae": {"penalties.importance.samples": 5},
    "limited": {"penalties.gaussian_kl.until_epoch": 50, "train.epochs": 70},
}
