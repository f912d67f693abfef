"""Ordered codes: of 32 numbers the first say most, so that one training serves every size.

Nested dropout (Rippel, Gelbart & Adams 2014, "Learning ordered representations with nested
dropout"): all numbers behind a random one are dropped. A linear network then finds the principal
components in their order (a test shows it). A code is cut short by zeros, `codes[:, k:] = 0`; the
application `code_size` has the error of every k, beside PCA's. `:averaged` takes the error of six
sizes at once in place of one by chance (as Kusupati et al. 2022, "Matryoshka representation
learning"); `:plain` is a code without order.

    python -m experiments.run --config=configs/nested.py
    python -m experiments.analyse --workdir=runs/nested --only=code_size

Measured:
`nested` (3 seeds): mse 0.0151 ± 9e-05, PCA 0.0177, mean image 0.0691.
`nested:averaged` (3 seeds): mse 0.0127 ± 0.0001, PCA 0.0177, mean image 0.0691.
"""

CONFIG = {
    "encoder": {"hidden": (512, 256)},
    "bottleneck": {"name": "nested"},
    "decoder": {"hidden": (256, 512), "output": "sigmoid"},
    "model": {"code_size": 32, "init": "he"},
    "optim": {"name": "adam", "learning_rate": 1e-3, "schedule": "cosine"},
    "train": {"batch_size": 128, "epochs": 60},
}
VARIANTS = {
    "plain": {"bottleneck": {"name": "identity"}},
    "averaged": {
        "bottleneck": {"name": "identity"},
        "penalties.prefixes": {"weight": 1 / 784, "sizes": (1, 2, 4, 8, 16, 24)},
    },
}
