"""Convolutional autoencoder with pooling and upsampling, 16 tanh codes (Keras tutorial).

Encoder: conv 5x5x4, pool, conv 5x5x8, pool, dense 150, code 16. Decoder: dense 120, 320, 784 as
7x7x16, up, conv 5x5x8, up, conv 6x6x4, conv 7x7x1, sigmoid.
Published (full MNIST, 20 epochs, batch 200): epoch means from 0.0565 to 0.0090, test 0.008912 per
pixel in [0,1] units; a second run 0.009993. Published for epochs 1, 2, 3: 0.0565, 0.0272, 0.0216;
seen here 0.0699, 0.0524, 0.0332 (seed 0) and 0.0723, 0.0395 (seed 1): like `dense` it starts from a
plateau at the mean image that lasts as long as the seed wills. After 20 epochs seeds 0 to 5 have
0.0092 to 0.0097 on the test set, but for seed 2: all four channels of its last ReLU layer die in
the first epoch and the output stays black, 0.1140.

    python -m experiments.run --config=configs/conv_pool.py
    python -m experiments.run --config=configs/conv_pool.py:published
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
