"""Convolutional autoencoder with pooling and upsampling, 16 tanh codes.

Encoder: conv 5x5x4, pool, conv 5x5x8, pool, dense 150, code 16. Decoder: dense 120, 320, 784 as
7x7x16, up, conv 5x5x8, up, conv 6x6x4, conv 7x7x1, sigmoid.

Source: Adrian Pacurar, "Intro to Autoencoders" (The Mathy Bit, 2018-08-29,
mathybit.github.io/auto-intro), Keras. Its text prints no error of this network. Published in the
companion notebook (github.com/mathybit/ml-tutorials, autoencoders.ipynb; full MNIST, 20 epochs,
batch 200): epoch means from 0.0565 to 0.0090, test 0.008912 per pixel in [0,1] units; a second run
0.009993.

`:published` is the source's: ReLU and Keras's initial weights. Like `dense` it starts from a
plateau at the mean image that lasts as long as the seed wills, and in some seeds all four channels
of its last ReLU layer die: the output stays black. The default has the same layers with ELU and
He's initializer, by which none starts dead, smaller batches and a rate that decays.

    python -m experiments.run --config=configs/conv_pool.py
    python -m experiments.run --config=configs/conv_pool.py:published

Measured:
`conv_pool:published` (seeds: 6, 1 learned nothing): published 0.0089 (test, companion notebook),
here 0.009434 ± 0.0002, missed.
`conv_pool` (3 seeds): mse 0.013 ± 0.0002, PCA 0.0281, mean image 0.0691.
"""

CONFIG = {
    "encoder": {"name": "conv_pool", "activation": "elu", "code_activation": "tanh"},
    "decoder": {"name": "conv_pool", "activation": "elu", "output": "sigmoid"},
    "model": {"code_size": 16, "init": "he"},
    "optim": {"name": "keras_adam", "learning_rate": 2e-3, "eps": 1e-7, "schedule": "cosine"},
    "train": {"batch_size": 50, "epochs": 30},
}
VARIANTS = {
    "published": {
        "data.name": "mnist",
        "encoder.activation": "relu",
        "decoder.activation": "relu",
        "model.init": "keras",
        "optim": {"learning_rate": 1e-3, "schedule": "constant"},
        "train": {"batch_size": 200, "epochs": 20},
    }
}
