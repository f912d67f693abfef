"""Imputation of tables: a dense denoiser that learns to tell hidden numbers from the others.

Source: masking noise of Vincent, Larochelle, Lajoie, Bengio & Manzagol 2010 ("Stacked denoising
autoencoders", JMLR), section 3.3, with their emphasis on what was hidden (section 4.2); for tables
with holes MIDA (Gondara & Wang 2018, "MIDA: multiple imputation using denoising autoencoders",
PAKDD). MIDA fills holes with the column's mean and drops half of the inputs; its layers grow by 7
each, and it prints root mean squared errors of other tables, so there is no number to reproduce.

Here the encoder is told which numbers are there (`data.indicator`). A share of what was observed
is hidden as well, another of each row, from 0 to 60 %, fresh every step; what was not observed
never enters the loss. `run.impute(x)` fills the holes.

    python -m experiments.run --config=configs/impute.py --config.data.name=TABLE.csv
    python -m experiments.imputation
"""

CONFIG = {
    "data": {"name": "breast_cancer", "scale": "standard", "indicator": True},
    "corruption": {"name": "hide", "rate": 0.6, "lowest": 0.0},
    "encoder": {"hidden": (256,), "activation": "relu", "code_activation": "relu"},
    "loss": {"name": "emphasised_squared_error", "corrupted": 4.0, "kept": 1.0},
    "model": {"code_size": 256},
    "optim": {
        "name": "adam",
        "learning_rate": 3e-3,
        "weight_decay": 1e-4,
        "decoupled": True,
        "schedule": "cosine",
    },
    "train": {"batch_size": 256, "epochs": 300},
}
