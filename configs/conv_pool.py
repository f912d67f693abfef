"""Convolutional autoencoder with pooling and upsampling, 16 tanh codes (Keras tutorial).

Encoder: conv 5x5x4, pool, conv 5x5x8, pool, dense 150, code 16. Decoder: dense 120, 320, 784 as
7x7x16, up, conv 5x5x8, up, conv 6x6x4, conv 7x7x1, sigmoid.
Published (full MNIST, 20 epochs, batch 200): epoch means from 0.0565 to 0.0090, test 0.008912 per
pixel in [0,1] units; a second run 0.009993.

    python -m experiments.run --config=configs/conv_pool.py
    python -m experiments.run --config=configs/conv_pool.py:published
"""

CONFIG = {
    "encoder": {"name": "conv_pool", "code_activation": "tanh"},
    "decoder": {"name": "conv_pool", "output": "sigmoid"},
    "model": {"code_size": 16, "init": "keras"},
    "optim": {"name": "keras_adam", "learning_rate": 1e-3, "eps": 1e-7},
    "train": {"batch_size": 200, "epochs": 30},
}
VARIANTS = {"published": {"data.name": "mnist", "train.epochs": 20}}
