"""Bottleneck autoencoder 784-h-k-h-784 with dropout 0.8 on the code.

ReLU layers, linear code, linear output; survivors of the dropout are multiplied by 5; the loss
adds gamma * sum over the four kernels of mean(W^2).

Source: a course's notebook on autoencoders in PyTorch; its title, author and address are not known
to us. It prints no numbers. It never leaves training mode, so its pictures have the dropout on:
`:noisy_eval` does that.

Default: h = 256, k = 128, gamma = 1e-4 (experiment B). `:zero` is experiment A, h = k = 64,
gamma = 1e-2, all kernels starting at zero (the random biases break the symmetry). `:two` is the
text's version of A, two numbers, h = 128, no dropout. `:denoise` is experiment C, h = 256, k = 32,
pixels kept with probability 0.2 without rescaling.

    python -m experiments.run --config=configs/dropout.py
    python -m experiments.run --config=configs/dropout.py:zero,published

Measured:
`dropout` (3 seeds): mse 0.0241 ± 0.0001, PCA 0.00458, mean image 0.0691.
"""

CONFIG = {
    "encoder": {"hidden": (256,)},
    "bottleneck": {"name": "dropout", "rate": 0.8},
    "decoder": {"hidden": (256,)},
    "model": {"code_size": 128},
    "penalties": {"weight_l2": {"weight": 1e-4}},
    "optim": {"name": "adam", "learning_rate": 1e-3},
    "train": {"batch_size": 256, "epochs": 150},
}
VARIANTS = {
    "zero": {
        "encoder.hidden": (64,),
        "decoder.hidden": (64,),
        "model": {"code_size": 64, "init": "zero"},
        "penalties.weight_l2.weight": 1e-2,
    },
    "two": {
        "encoder.hidden": (128,),
        "decoder.hidden": (128,),
        "model.code_size": 2,
        "bottleneck": {"name": "identity"},
    },
    "denoise": {
        "corruption": {"name": "mask", "rate": 0.8},
        "model.code_size": 32,
    },
    "noisy_eval": {"bottleneck.at_eval": True},
    "published": {"data": {"name": "mnist", "split": "random"}, "train.epochs": 50},
}
