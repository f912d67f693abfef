"""Under-complete autoencoder 784-30-784, tanh code and tanh output (course notes, standard AE).

Published (full MNIST, 20 epochs): loss of the last batch of an epoch in [-1,1] units 0.1950 after
the first, 0.0828 after the tenth, 0.0613 after the twentieth. Published for epochs 1, 2, 3:
0.1950, 0.1498, 0.1203; seen here (seed 0): 0.2040, 0.1549, 0.1359.

    python -m experiments.run --config=configs/undercomplete.py
    python -m experiments.run --config=configs/undercomplete.py:published
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
