"""Eight numbers whose distances are those of the digits they decode to, up to one scale.

Isometric regularization (Lee et al. 2022, "Regularized autoencoders for isometric representation
learning", ICLR) in an autoencoder without noise: the decoder's metric J^T J is drawn to one
multiple of the identity, at the codes and between them. The source's networks and its other
penalty, that of a variational autoencoder, are not used.

    python -m experiments.run --config=configs/isometric.py

`:plain` is the autoencoder without the penalty, `:volume` has the penalty of Nazari, Damrich &
Hamprecht 2023 ("Geometric autoencoders - what you see is what you decode") in its place: equal
volumes alone.

Measured:
nothing yet; `python -m experiments.defaults --only=isometric`.
"""

CONFIG = {
    "encoder": {"hidden": (256, 128), "activation": "elu"},
    "decoder": {"hidden": (128, 256), "activation": "elu", "output": "sigmoid"},
    "penalties": {"isometric": {"weight": 1e-2}},
    "model": {"code_size": 8, "init": "he"},
    "optim": {"name": "adam", "learning_rate": 1e-3, "schedule": "cosine"},
    "train": {"batch_size": 128, "epochs": 60},
}
VARIANTS = {
    "plain": {"penalties.isometric": None},
    "volume": {"penalties": {"isometric": None, "geometric": {"weight": 1e-2}}},
}
