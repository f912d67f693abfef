"""Fully convolutional autoencoder with strided and transposed convolutions, 64 codes.

Encoder: conv 3x3x16 and 3x3x32 of stride 2, conv 7x7x64 to 1x1. Decoder: the transposed mirror
image, sigmoid. `:batchnorm` normalizes after each ReLU.

Source: as of `deep`. Published in its text (full MNIST, 20 epochs): loss of the last batch, 32
images, 0.010315 after the first epoch and 0.002479 after the twentieth, per pixel in [0,1] units.
(The dense model it is compared with, `deep`, has 10 codes, this one 64.)

    python -m experiments.run --config=configs/conv_strided.py
    python -m experiments.run --config=configs/conv_strided.py:batchnorm,published

Measured:
`conv_strided:published` (seeds: 8): published 0.002479 (last batch, text), here 0.002731 ± 0.0002,
met.
`conv_strided` (3 seeds): mse 0.00636 ± 0.0002, PCA 0.00957, mean image 0.0691.
"""

CONFIG = {
    "encoder": {"name": "conv_strided"},
    "decoder": {"name": "conv_strided", "output": "sigmoid"},
    "model": {"code_size": 64},
    "optim": {"name": "adam", "learning_rate": 1e-3, "weight_decay": 1e-5},
    "train": {"batch_size": 64, "epochs": 30},
}
VARIANTS = {
    "batchnorm": {"encoder.batch_norm": True, "decoder.batch_norm": True},
    "published": {"data.name": "mnist", "train.epochs": 20},
}
