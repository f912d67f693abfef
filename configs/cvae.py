"""Conditional VAE: the decoder is told the digit.

Encoder: conv 5x5x16, pool, conv 5x5x32, pool, dense 250, (mean, log variance) of 10 numbers. The
code and the one-hot label together: dense 120, 1568 as 7x7x32, up, conv 5x5x16, up, conv 5x5x8,
conv 5x5x1, sigmoid. Loss: squared error per image + KL.

Source: the companion notebook of the articles of Adrian Pacurar (The Mathy Bit, 2018;
github.com/mathybit/ml-tutorials, autoencoders.ipynb), Keras. Published there (full MNIST, 50
epochs, epoch means): 52.2172 after the first, 23.1149 after the last.

    python -m experiments.run --config=configs/cvae.py
    python -m experiments.run --config=configs/cvae.py:published

Measured:
`cvae:published` (seeds: 3): published 23.1149 (last epoch, companion notebook), here 23.6 ± 0.5,
missed.
`cvae` (3 seeds): mse 0.0333 ± 0.0005, PCA 0.0357, mean image 0.0691.
"""

CONFIG = {
    "encoder": {"name": "conv_pool", "channels": (16, 32), "hidden": (250,)},
    "bottleneck": {"name": "gaussian"},
    "decoder": {
        "name": "conv_pool",
        "hidden": (120,),
        "grid_channels": 32,
        "channels": (16, 8),
        "kernels": (5, 5, 5),
        "output": "sigmoid",
    },
    "model": {"code_size": 10, "classes": 10, "init": "keras"},
    "loss": {"name": "squared_error", "per": "image"},
    "penalties": {"gaussian_kl": {"weight": 1.0}},
    "optim": {"name": "keras_adam", "learning_rate": 1e-3, "eps": 1e-7},
    "train": {"batch_size": 250, "epochs": 20},
}
VARIANTS = {"published": {"data.name": "mnist", "train.epochs": 50}}
