"""Codes of 60 bits: 20 numbers, each of which takes one of eight values.

Finite scalar quantization (Mentzer et al. 2024, "Finite scalar quantization: VQ-VAE made simple"):
every number is rounded to the nearest of a few steps, and the gradient goes straight through. The
application `compression` compares the codes with PCA of as many bits.

    python -m experiments.run --config=configs/fsq.py
    python -m experiments.analyse --workdir=runs/fsq --only=compression

Measured:
`fsq` (3 seeds): mse 0.0257 ± 0.0003, PCA 0.0248, mean image 0.0691.
`fsq:plain` (3 seeds): mse 0.0143 ± 9e-05, PCA 0.0248, mean image 0.0691.
"""

CONFIG = {
    "encoder": {"hidden": (512, 256)},
    "bottleneck": {"name": "fsq", "levels": 8},
    "decoder": {"hidden": (256, 512), "output": "sigmoid"},
    "model": {"code_size": 20, "init": "he"},
    "optim": {"name": "adam", "learning_rate": 1e-3, "schedule": "cosine"},
    "train": {"batch_size": 128, "epochs": 60},
}
VARIANTS = {"plain": {"bottleneck": {"name": "identity"}}}
