"""What the smallest study is made of, shared by the tests of applications."""

from ae_jax.analysis import dense_vs_conv
from ae_jax.data.arrays import Dataset

CANDIDATES = list(dense_vs_conv.candidates())
TINY = {
    "name": "tiny",
    "corruption": {"name": "mask", "rate": 0.3},
    "encoder": {"hidden": (32,)},
    "decoder": {"hidden": (32,), "output": "sigmoid"},
    "model": {"code_size": 6},
    "train": {"batch_size": 50, "epochs": 3},
}


def two_classes(data):
    """The data with odd and even labels alone: of many classes a test would train many models."""
    return Dataset("two", *(part._replace(labels=part.labels % 2) for part in data[1:]))
