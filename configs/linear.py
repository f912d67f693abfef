"""Linear autoencoder 784-32-784: no bias, no activation, untied (the first of the tutorials).

Published (full MNIST, 20 epochs): test loss printed as 0.0010, which is 0.10 per pixel in
[-1,1] units, 0.025 in [0,1] units. The optimum for 32 numbers without centring is the
uncentred SVD of rank 32: 0.01722 in [0,1] units. Not converged, then; `:optimum` is. Published
after epochs 1, 2, 3, in [-1,1] units: 0.25, 0.24, 0.21; seen here (seed 0): 0.253, 0.237, 0.213.

    python -m experiments.run --config=configs/linear.py
    python -m experiments.run --config=configs/linear.py:published

`:published` full MNIST, 20 epochs; `:optimum` a decayed learning rate, to within 1 % of that
optimum; `:optimum,centred` the data lose their mean image, so that the optimum is PCA
(Bourlard & Kamp 1988; Baldi & Hornik 1989).
"""

CONFIG = {
    "data": {"scale": "sym"},
    "encoder": {"bias": False},
    "decoder": {"bias": False},
    "model": {"code_size": 32},
    "optim": {"name": "sgd", "learning_rate": 10**-1.5, "momentum": 0.5},
    "train": {"batch_size": 32, "epochs": 300},
}
VARIANTS = {
    "published": {"data.name": "mnist", "train.epochs": 20},
    "optimum": {
        "optim": {"name": "adam", "learning_rate": 3e-3, "schedule": "cosine", "momentum": 0.0},
        "train": {"batch_size": 100, "epochs": 150},
    },
    "centred": {"data.center": True},
}
