"""Sparse autoencoder 784-196-784: every sigmoid unit is on for a twentieth of the images.

0.01 sum_j KL(0.05 || mean of h_j over the batch) beside the error per pixel (Ng 2011, "Sparse
autoencoder", notes of CS294A, Stanford). `:plain` is without the penalty.

    python -m experiments.run --config=configs/sparse_kl.py

Measured:
`sparse_kl` (3 seeds): mse 0.0113 ± 3e-05, PCA 0.00262, mean image 0.0691, mean activation 0.0526 ±
6e-05, least of a unit 0.0391 ± 0.002, largest 0.0718 ± 0.005.
`sparse_kl:plain` (3 seeds): mse 0.00293 ± 4e-06, PCA 0.00262, mean image 0.0691, mean activation
0.496 ± 0.0004, least of a unit 0.401 ± 0.02, largest 0.564 ± 0.01.
"""

CONFIG = {
    "encoder": {"code_activation": "sigmoid"},
    "decoder": {"output": "sigmoid"},
    "model": {"code_size": 196},
    "penalties": {"sparsity_kl": {"weight": 0.01, "rho": 0.05}},
    "optim": {"name": "adam", "learning_rate": 1e-2, "b2": 0.95, "schedule": "cosine"},
    "train": {"batch_size": 256, "epochs": 100},
}
VARIANTS = {"plain": {"penalties.sparsity_kl": None}}
