"""ae_jax: autoencoders in JAX. Every variant is a config; every number is checked."""

from ae_jax.data.load import Dataset, Split, from_arrays, load_data
from ae_jax.errors import AeJaxError, CheckpointError, ConfigError, DataError, DivergedError
from ae_jax.resolve.config import load_config
from ae_jax.run.fitting import fit
from ae_jax.run.keeping import restore
from ae_jax.run.trained import Run

__version__ = "0.1.0"

__all__ = [
    "AeJaxError",
    "CheckpointError",
    "ConfigError",
    "DataError",
    "Dataset",
    "DivergedError",
    "Run",
    "Split",
    "fit",
    "from_arrays",
    "load_config",
    "load_data",
    "restore",
]
