"""Tied weights: the decoder is the transpose of the encoder, W_x = W_h^T.

Linear, without bias and centered: one matrix, whose columns converge to an orthonormal basis of the
principal subspace, so that W^T W is the identity and the error PCA's. `:tanh` is the nonlinear
784-30-784 of `undercomplete` with tied weights.

Source: named in passing by the notes of the course Deep Learning (NYU, spring 2020; Alfredo
Canziani and Yann LeCun), week 7-3, without numbers.

    python -m experiments.run --config=configs/tied.py
    python -m experiments.run --config=configs/tied.py:tanh

Measured:
`tied` (3 seeds): mse 0.0178 ± 3e-05, PCA 0.0177, mean image 0.0691.
"""

CONFIG = {
    "data": {"scale": "sym", "center": True},
    "encoder": {"bias": False},
    "decoder": {"name": "tied", "bias": False},
    "model": {"code_size": 32},
    "optim": {"name": "adam", "learning_rate": 1e-3, "schedule": "cosine"},
    "train": {"batch_size": 256, "epochs": 100},
}
VARIANTS = {
    "tanh": {
        "data.center": False,
        "encoder": {"bias": True, "code_activation": "tanh"},
        "decoder": {"bias": True, "output": "tanh"},
        "model.code_size": 30,
    },
    "published": {"data.name": "mnist", "train.epochs": 20},
}
