"""Dense autoencoder D-64-8-64-D of rows of D numbers, each column standardized.

Source: our own. What is not observed is left out of the loss; a column in other units changes
nothing. Known of it: without the hidden layers its optimum is PCA of the standardized columns
(Baldi & Hornik 1989, "Neural networks and principal component analysis", Neural Networks), which
`tests/run/test_rows.py` checks against scikit-learn.

    python -m experiments.run --config=configs/rows.py --config.data.name=TABLE.csv
"""

CONFIG = {
    "data": {"name": "breast_cancer", "scale": "standard"},
    "encoder": {"hidden": (64,)},
    "decoder": {"hidden": (64,)},
    "model": {"code_size": 8},
    "optim": {"name": "adam", "learning_rate": 3e-3, "schedule": "cosine"},
    "train": {"batch_size": 64, "epochs": 200},
}
