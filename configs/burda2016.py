"""Importance-weighted autoencoders with one layer of 50 random numbers, 784-200-200-50-200-200-784.

Burda, Grosse & Salakhutdinov 2016, "Importance weighted autoencoders" (ICLR), table 1: -log p(x)
of a test image of MNIST in nats, by 5,000 draws from the posterior. Pixels are black or white,
drawn anew whenever an image is used.

| | nats |
|---|---|
| a variational autoencoder, one draw | 86.76 |
| `:iwae5`, 5 draws | 85.54 |
| `:iwae50`, 50 draws | 84.78 |

There: 9.8 million updates of 20 images by Adam, whose rate falls in eight steps from 1e-3 to 1e-4.
Here, in 20 epochs of full MNIST: 60,000 updates of 20 images, the rate falls to 1e-5 by a cosine.
Of each image one draw more makes the first term of the loss, which cancels out.
See `python -m experiments.literature --only=burda2016`.

    python -m experiments.run --config=configs/burda2016.py:iwae5

Measured:
`burda2016` (1 seed): NLL (nats) 95.9.
`burda2016:iwae50` (1 seed): NLL (nats) 91.5.
`burda2016` (3 seeds): mse 0.0359 ± 0.0002, PCA 0.0286 ± 3e-05, mean image 0.0881 ± 3e-05, loss
(nats) 109 ± 0.3.
"""

CONFIG = {
    "data": {"binarize": True},
    "encoder": {"hidden": (200, 200), "activation": "tanh"},
    "bottleneck": {"name": "gaussian"},
    "decoder": {"hidden": (200, 200), "activation": "tanh", "output": "sigmoid"},
    "model": {"code_size": 50, "init": "keras"},
    "loss": {"name": "bernoulli_nll", "per": "image"},
    "penalties": {"gaussian_kl": {"weight": 1.0}},
    "optim": {"name": "adam", "learning_rate": 1e-3, "schedule": "cosine"},
    "train": {"batch_size": 20, "epochs": 100},
}
VARIANTS = {
    "iwae5": {"penalties.importance.samples": 5},
    "iwae50": {"penalties.importance.samples": 50},
}
