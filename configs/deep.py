"""Deep dense autoencoder 784-128-64-12-10-12-64-128-784, sigmoid output.

Source: a blog post on a minimal fully connected and a fully convolutional autoencoder in PyTorch,
one flag between them; its title, author and address are not known to us. Published in its text
(full MNIST, 20 epochs): loss of the last batch, 32 images, 0.048625 after the first epoch and
0.025885 after the twentieth, per pixel in [0,1] units.

`:published` is the source's: ReLU, PyTorch's initial weights, a constant rate, an L2 penalty. The
default has its layers with ELU, which leaves none of the 12 units beside the code dead, He's
initializer and a rate that decays.

    python -m experiments.run --config=configs/deep.py
    python -m experiments.run --config=configs/deep.py:published

Measured:
`deep:published` (seeds: 3): published 0.025885 (last batch, text), here 0.02541 ± 0.002, met.
`deep` (3 seeds): mse 0.0237 ± 0.001, PCA 0.0357, mean image 0.0691.
"""

CONFIG = {
    "encoder": {"hidden": (128, 64, 12), "activation": "elu"},
    "decoder": {"hidden": (12, 64, 128), "activation": "elu", "output": "sigmoid"},
    "model": {"code_size": 10, "init": "he"},
    "optim": {"name": "adam", "learning_rate": 2e-3, "schedule": "cosine"},
    "train": {"batch_size": 64, "epochs": 100},
}
VARIANTS = {
    "published": {
        "data.name": "mnist",
        "encoder.activation": "relu",
        "decoder.activation": "relu",
        "model.init": "torch",
        "optim": {"learning_rate": 1e-3, "schedule": "constant", "weight_decay": 1e-5},
        "train.epochs": 20,
    }
}
