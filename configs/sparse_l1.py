"""Sparse autoencoder 784-196-784: ReLU units and 0.001 sum_j |h_j|.

The penalty on the weights is part of it: without one (`:l1_only`), the code shrinks and the
decoder grows until the first penalty is met by small numbers instead of zeros. `:plain` has
neither.

    python -m experiments.run --config=configs/sparse_l1.py

Measured:
nothing yet; `python -m experiments.defaults --only=sparse_l1`.
"""

CONFIG = {
    "data": {"center": True},
    "encoder": {"code_activation": "relu"},
    "model": {"code_size": 196},
    "penalties": {"l1": {"weight": 1e-3}, "weight_l2": {"weight": 1.0}},
    "optim": {"name": "adam", "learning_rate": 3e-3, "schedule": "cosine"},
    "train": {"batch_size": 256, "epochs": 200},
}
VARIANTS = {
    "plain": {"penalties.l1": None, "penalties.weight_l2": None},
    "l1_only": {"penalties.weight_l2": None},
}
