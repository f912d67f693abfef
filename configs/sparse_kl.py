"""Sparse autoencoder 784-196-784: every sigmoid unit is on for a twentieth of the images.

0.01 sum_j KL(0.05 || mean of h_j over the batch) beside the error per pixel (Ng 2011, "Sparse
autoencoder", notes of CS294A, Stanford). `:plain` is without the penalty.

    python -m experiments.run --config=configs/sparse_kl.py

Measured:
`sparse_kl` (1 seed): mse 0.0112, PCA 0.00262, mean image 0.0691, mean activation 0.0526, least of a
unit 0.0373, largest 0.0696.
`sparse_kl:plain` (1 seed): mse 0.00293, PCA 0.00262, mean image 0.0691, mean activation 0.496,
least of a unit 0.384, largest 0.553.
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
