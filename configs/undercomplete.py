"""Under-complete autoencoder 784-30-784, tanh code and tanh output.

Source: the notes of the course Deep Learning (NYU, spring 2020; Alfredo Canziani and Yann LeCun),
week 7-3, and its notebook 10-autoencoder (github.com/Atcold/pytorch-Deep-Learning). Published in a
figure of the notes (full MNIST, 20 epochs): loss of the last batch of an epoch in [-1,1] units
0.1950 after the first, 0.0828 after the tenth, 0.0613 after the twentieth.

    python -m experiments.run --config=configs/undercomplete.py
    python -m experiments.run --config=configs/undercomplete.py:published

Measured:
`undercomplete:published` (seeds: 3): published 0.0613 (last batch, figure), here 0.05956 ± 0.005,
met.
`undercomplete` (3 seeds): mse 0.0155 ± 0.0002, PCA 0.0187, mean image 0.0691.
"""

CONFIG = {
    "data": {"scale": "sym"},
    "encoder": {"code_activation": "tanh"},
    "decoder": {"output": "tanh"},
    "model": {"code_size": 30},
    "optim": {"name": "adam", "learning_rate": 1e-3},
    "train": {"batch_size": 256, "epochs": 300},
}
VARIANTS = {"published": {"data.name": "mnist", "train.epochs": 20}}
