"""Variational autoencoder 784-400-(20,20)-400-784 (Kingma & Welling 2014; the course's notebook).

Bernoulli likelihood, loss in nats per image: negative ELBO = BCE + KL. Published without numbers;
usual values are about 104 nats on the test set after 10 epochs. Seen here (seed 0, codes at their
means), test loss after epochs 1, 2, 3: 136.3, 115.1, 108.2. On mnist5k: 106.1; over the test set
the units' means lie between -0.21 and 0.09, their standard deviations (posterior noise included)
between 0.99 and 1.20.

    python -m experiments.run --config=configs/vae.py
    python -m experiments.run --config=configs/vae.py:published

`:keras` is the Keras tutorial's 784-250-(30,30)-320-784 on squared error per image, whose encoder
delivers the deviation itself, not its logarithm; published (50 epochs, epoch means of SSE + KL):
62.7774 after the first, 29.2838 after the last (seen for epochs 1, 2, 3: 63.8, 44.8, 41.7;
published 62.8, 44.0, 39.8; after the last 29.2). `:keras,limited` goes on for 20 epochs on the
reconstruction alone: published 10.1211 to 4.0269, while samples fall apart.

`:deep` is 784-500-250-10, on which most applications are measured: half-way between two images it
decodes more plausible ones (see `analyse --only=interpolation`).
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
    "limited": {"penalties.gaussian_kl.until_epoch": 50, "train.epochs": 70},
}
