"""Patch transformer: 16 patches of 7x7 pixels that all see each other, down to 16 numbers.

The blocks of Dosovitskiy et al. 2021 ("An image is worth 16x16 words", arXiv 2010.11929): two on
either side, of 64 features and 4 heads. The code is a linear map of the tokens' mean, and a token
of the decoder one of the code. Nothing is hidden from the encoder, unlike in masked autoencoders.

    python -m experiments.run --config=configs/patches.py

Nothing is published on these data; PCA of equal code size stands beside every result. With 64
numbers PCA wins: 0.0114 ± 0.0005 against its 0.0096 (3 seeds).

Measured:
`patches` (1 seed): mse 0.0178, PCA 0.0281, mean image 0.0691.
"""

CONFIG = {
    "encoder": {"name": "patches", "patch": 7},
    "decoder": {"name": "patches", "patch": 7, "output": "sigmoid"},
    "model": {"code_size": 16},
    "optim": {"name": "adam", "learning_rate": 1e-3, "schedule": "cosine", "warmup_epochs": 1},
    "train": {"batch_size": 64, "epochs": 20},
}
