"""Sparse autoencoder 784-196-784: ReLU units and 0.001 sum_j |h_j|.

The penalty on the weights is part of it: without one (`:l1_only`), the code shrinks and the
decoder grows until the first penalty is met by small numbers instead of zeros. `:plain` has
neither.

    python -m experiments.run --config=configs/sparse_l1.py

Measured:
`sparse_l1` (3 seeds): mse 0.0104 ± 6e-05, PCA 0.00262, mean image 0.0691, units not 0 (%) 17.3 ±
0.06, units never used 9.67 ± 4.
`sparse_l1:l1_only` (3 seeds): mse 0.0128 ± 0.0001, PCA 0.00262, mean image 0.0691, units not 0 (%)
28.1 ± 0.2, units never used 0.
`sparse_l1:plain` (3 seeds): mse 0.00279 ± 5e-06, PCA 0.00262, mean image 0.0691, units not 0 (%)
98.1 ± 0.03, units never used 0.
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
