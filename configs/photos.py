"""Strided convolutions for color photographs of 32x32 pixels, 128 codes; `:large` of 64x64.

The architecture is `conv_strided`'s with more channels: 32 and 64, for 64x64 one more of 128. The
images are those of a folder, `DIR/class/x.jpg` or `DIR/x.jpg`; say which. They are resized, and
what is not square loses what sticks out.

    python -m experiments.run --config=configs/photos.py --config.data.name=DIR
    python -m experiments.run --config=configs/photos.py:large --config.data.name=DIR

Nothing is published on your photographs; PCA of equal code size stands beside every result.
"""

CONFIG = {
    "data": {"name": "./photos", "resize": 32, "crop": 32, "color": "rgb"},
    "encoder": {"name": "conv_strided", "channels": (32, 64)},
    "decoder": {"name": "conv_strided", "channels": (64, 32), "output": "sigmoid"},
    "model": {"code_size": 128, "init": "he"},
    "optim": {"name": "adam", "learning_rate": 1e-3, "schedule": "cosine"},
    "train": {"batch_size": 64, "epochs": 20},
}
VARIANTS = {
    "large": {
        "data": {"resize": 64, "crop": 64},
        "encoder.channels": (32, 64, 128),
        "decoder.channels": (128, 64, 32),
    },
}
