"""Deep autoencoder 784-1000-500-250-30 and back.

Hinton & Salakhutdinov 2006, "Reducing the dimensionality of data with neural networks", Science
313, 504-507. Published in the text: squared error of 3.00 an image on the test set of MNIST after
layer-wise pre-training by restricted Boltzmann machines; PCA of 30 numbers has 13.87. Here from
random weights, with ELU, Adam and a decaying rate.

`:published` minimizes the cross-entropy, as there, and decays its weights. The decay was chosen
with 50,000 training images on the other 10,000; it is then trained on all 60,000, as there.
See `python -m experiments.literature --only=hinton2006`.

    python -m experiments.run --config=configs/hinton2006.py
    python -m experiments.run --config=configs/hinton2006.py:published

Measured:
`hinton2006` (2 seeds): sse 2.63 ± 4e-05, PCA 13.9.
`hinton2006` (3 seeds): mse 0.0105 ± 6e-05, PCA 0.0187, mean image 0.0691.
"""

CONFIG = {
    "encoder": {"hidden": (1000, 500, 250), "activation": "elu"},
    "decoder": {"hidden": (250, 500, 1000), "activation": "elu", "output": "sigmoid"},
    "model": {"code_size": 30, "init": "he"},
    "loss": {"per": "image"},
    "optim": {"name": "adam", "learning_rate": 1e-3, "schedule": "cosine"},
    "train": {"batch_size": 128, "epochs": 30},
}
VARIANTS = {
    "published": {
        "data.name": "mnist",
        "loss.name": "bernoulli_nll",
        "optim": {"name": "adamw", "weight_decay": 0.1},
        "train.epochs": 100,
    }
}
