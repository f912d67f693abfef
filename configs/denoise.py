"""Denoising autoencoder 784-500-784, over-complete, half of the pixels dropped (course notes).

Dropout on the input: x~ = x * m with m in {0, 2}, P(m = 0) = 1/2, fresh every step; in [-1,1]
units a dropped pixel is mid-grey and the background that survives is -2. The target is the clean
image (Vincent et al. 2008). No numbers are published; seen on full MNIST (seed 0), last batch of
epochs 1, 2, 3 in [-1,1] units: 0.0687, 0.0589, 0.0569. On the embedded digits 100 epochs bring the
denoised mse to 0.0128 where the best linear denoiser has 0.0189.

    python -m experiments.run --config=configs/denoise.py
    python -m experiments.run --config=configs/denoise.py:published
"""

CONFIG = {
    "data": {"scale": "sym"},
    "corruption": {"name": "dropout", "rate": 0.5},
    "encoder": {"code_activation": "tanh"},
    "decoder": {"output": "tanh"},
    "model": {"code_size": 500},
    "optim": {
        "name": "adam",
        "learning_rate": 1e-3,
        "b2": 0.95,
        "schedule": "cosine",
        "warmup_epochs": 10,
    },
    "train": {"batch_size": 256, "epochs": 100},
}
VARIANTS = {
    "published": {
        "data.name": "mnist",
        "optim": {"b2": 0.999, "schedule": "constant", "warmup_epochs": 0},
        "train.epochs": 20,
    }
}
