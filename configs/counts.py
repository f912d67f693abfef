"""Rows of counts with a negative binomial likelihood, D-64-8-64-D; `:poisson` with Poisson's.

Source: the deep count autoencoder of Eraslan, Simon, Mircea, Mueller & Theis 2019 ("Single-cell
RNA-seq denoising using a deep count autoencoder", Nature Communications 10), whose networks are
64-32-64 and see the logarithm of normalized counts. Here the network sees counts as they are, the
mean is the softplus of its output, and one dispersion serves all columns. The bundled `counts` are
made with known means, which is what a reconstruction should be: see `tests/run/test_counts.py`.

    python -m experiments.run --config=configs/counts.py --config.data.name=TABLE.csv
"""

CONFIG = {
    "data": {"name": "counts", "scale": "none"},
    "encoder": {"hidden": (64,)},
    "decoder": {"hidden": (64,), "output": "softplus"},
    "loss": {"name": "negative_binomial_nll"},
    "model": {"code_size": 8},
    "optim": {"name": "adam", "learning_rate": 1e-3, "schedule": "cosine"},
    "train": {"batch_size": 64, "epochs": 60},
}
VARIANTS = {"poisson": {"loss.name": "poisson_nll"}}
