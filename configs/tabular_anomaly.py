"""A denoiser of tables that is asked for hidden columns: what it cannot predict is strange.

Values and which of them were shown go through two layers of 256 ReLUs. Every step hides a share of
each row's numbers, drawn between 0 and 60 %, and asks for all of them, for the hidden ones four
times. `run.score_hidden(rows)` then scores rows by how badly hidden columns are predicted, and
`run.impute(rows)` fills holes. For rows [n, D] of any numbers, with holes or without.

`ae_jax.sklearn.AnomalyDetector` trains it for about 1,500 steps on any number of rows. Here epochs
are fixed: set `train.epochs` to about 1,500 divided by the number of batches of your table.

Source: the masking is that of denoising autoencoders (Vincent et al. 2010); hiding cells of a table
to find strange rows is also the idea of Yin et al. 2024, "MCM: Masked cell modeling for anomaly
detection in tabular data", ICLR. The form of the score is ours, see `ae_jax.run.hidden`.
`python -m experiments.anomalies` measures it on 18 tables with labelled outliers.

    python -m experiments.run --config=configs/tabular_anomaly.py --config.data.name=table.npz
"""

CONFIG = {
    "data": {"name": "breast_cancer", "scale": "standard", "indicator": True},
    "corruption": {"name": "hide", "rate": 0.6, "lowest": 0.0},
    "encoder": {"hidden": (256,), "code_activation": "relu"},
    "loss": {"name": "emphasised_squared_error", "corrupted": 4.0, "kept": 1.0},
    "model": {"code_size": 256, "init": "he"},
    "optim": {
        "name": "adam",
        "learning_rate": 1e-3,
        "weight_decay": 1e-2,
        "decoupled": True,
        "schedule": "cosine",
    },
    "train": {"batch_size": 128, "epochs": 100},
}
