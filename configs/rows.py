"""Dense autoencoder D-64-32-64-D of rows of numbers, each column standardized.

Source: our own, with the layers of the autoencoder for tabular anomaly detection of PyOD (Zhao,
Nasrullah & Li 2019, "PyOD: a Python toolbox for scalable outlier detection", JMLR), 64-32-32-64,
and without its dropout and batch normalization. Holes in the table are left out of the loss. What
is known: without the hidden layers it is PCA of the standardized columns.

    python -m experiments.run --config=configs/rows.py --config.data.name=TABLE.csv

"""

CONFIG = {
    "data": {"scale": "standard"},
    "encoder": {"hidden": (64,)},
    "decoder": {"hidden": (64,)},
    "model": {"code_size": 8},
    "optim": {"name": "adam", "learning_rate": 1e-3, "schedule": "cosine"},
    "train": {"batch_size": 64, "epochs": 100},
}
