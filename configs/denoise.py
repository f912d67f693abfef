"""Denoising autoencoder 784-500-784, over-complete, half of the pixels dropped.

Dropout on the input: x~ = x * m with m in {0, 2}, P(m = 0) = 1/2, fresh every step; in [-1,1]
units a dropped pixel is mid-gray and the background that survives is -2. The target is the clean
image (Vincent, Larochelle, Bengio & Manzagol 2008, "Extracting and composing robust features with
denoising autoencoders", ICML).

Source: the notes of the course Deep Learning (NYU, spring 2020; Alfredo Canziani and Yann LeCun),
week 7-3, and its notebook 10-autoencoder (github.com/Atcold/pytorch-Deep-Learning). It prints no
number of this network.

`:published` is the source's: a constant rate. On 5,000 digits gradients of the first steps, all
alike, then drive many units into saturation. In the default the rate warms up and decays, and Adam
forgets the first gradients sooner; hardly a unit saturates.

    python -m experiments.run --config=configs/denoise.py
    python -m experiments.run --config=configs/denoise.py:published

Measured:
`denoise` (3 seeds): mse 0.00469 ± 2e-05, PCA 7.66e-05, mean image 0.0691, denoised mse 0.0111 ±
6e-05, best linear denoiser 0.0189 ± 7e-05.
"""

CONFIG = {
    "data": {"scale": "sym"},
    "corruption": {"name": "dropout", "rate": 0.5},
    "encoder": {"code_activation": "tanh"},
    "decoder": {"output": "tanh"},
    "model": {"code_size": 500},
    "optim": {
        "name": "adam",
        "learning_rate": 1e-3,
        "b2": 0.95,
        "schedule": "cosine",
        "warmup_epochs": 10,
        "decay_epochs": 100,  # so that more epochs go on with the bits of fewer
    },
    "train": {"batch_size": 256, "epochs": 100},
}
VARIANTS = {
    "published": {
        "data.name": "mnist",
        "optim": {"b2": 0.999, "schedule": "constant", "warmup_epochs": 0, "decay_epochs": 0},
        "train.epochs": 20,
    }
}
