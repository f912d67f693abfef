"""Codes of a rank that is chosen: 64 numbers, of which a batch spans at most 16 dimensions.

Rank reduction autoencoder (Mounayer et al. 2024, "Rank reduction autoencoders", arXiv 2405.13980):
the decoder sees the best approximation of the batch's codes by a matrix of that rank, and after
training each code's part in the leading directions of all. The application `code_size` cuts the
code along them, and says how many dimensions are used. The source's networks are convolutional,
these are dense.

    python -m experiments.run --config=configs/rank_reduced.py
    python -m experiments.analyse --workdir=runs/rank_reduced --only=code_size

`:plain` is an autoencoder whose code is 16 numbers from the start. PCA below is of 64
components; 16 leave 0.0281.

Measured:
`rank_reduced` (3 seeds): mse 0.0183 ± 0.0001, PCA 0.00957, mean image 0.0691, dimensions of the
code 16.
"""

CONFIG = {
    "encoder": {"hidden": (256, 128)},
    "bottleneck": {"name": "truncated_svd", "rank": 16},
    "decoder": {"hidden": (128, 256), "output": "sigmoid"},
    "model": {"code_size": 64, "init": "he"},
    "optim": {"name": "adam", "learning_rate": 1e-3, "schedule": "cosine"},
    "train": {"batch_size": 128, "epochs": 60},
}
VARIANTS = {"plain": {"bottleneck": {"name": "identity"}, "model.code_size": 16}}
