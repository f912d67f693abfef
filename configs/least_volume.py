"""A code that uses no more of its numbers than it must, in order of their deviations.

Least volume (Chen & Fuge 2024, "Compressing latent space via least volume", ICLR): the geometric
mean of the code's standard deviations is a penalty, and kernels of spectral norm 1 keep the decoder
from making up for codes that only shrink. A linear network then finds PCA (a test shows it). The
source's networks are convolutional, these are dense.

    python -m experiments.run --config=configs/least_volume.py

`:plain` is the same network without the penalty.

Measured:
nothing yet; `python -m experiments.defaults --only=least_volume`.
"""

CONFIG = {
    "encoder": {"hidden": (512, 256)},
    "decoder": {"hidden": (256, 512), "spectral_norm": True},
    "loss": {"name": "squared_error", "per": "image"},
    "penalties": {"least_volume": {"weight": 3.0}},
    "model": {"code_size": 32, "init": "he"},
    "optim": {"name": "adam", "learning_rate": 1e-3, "schedule": "cosine"},
    "train": {"batch_size": 128, "epochs": 60},
}
VARIANTS = {"plain": {"penalties.least_volume": None}}
