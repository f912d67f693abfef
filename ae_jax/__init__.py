"""ae_jax: autoencoders in JAX. Every variant is a config; every number is checked."""

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ae_jax.data.load import Dataset, Split, from_arrays, load_data
    from ae_jax.errors import AeJaxError, CheckpointError, ConfigError, DataError, DivergedError
    from ae_jax.export.loaded import Exported
    from ae_jax.resolve.config import load_config
    from ae_jax.resolve.registering import register
    from ae_jax.run.exported import load_exported
    from ae_jax.run.fitting import fit
    from ae_jax.run.keeping import restore
    from ae_jax.run.pretrained import pretrained
    from ae_jax.run.trained import Run

__version__ = "0.1.0"

__all__ = [
    "AeJaxError",
    "CheckpointError",
    "ConfigError",
    "DataError",
    "Dataset",
    "DivergedError",
    "Exported",
    "Run",
    "Split",
    "fit",
    "from_arrays",
    "load_config",
    "load_data",
    "load_exported",
    "pretrained",
    "register",
    "restore",
]

_HOME = {
    "data.load": ("Dataset", "Split", "from_arrays", "load_data"),
    "export.loaded": ("Exported",),
    "errors": ("AeJaxError", "CheckpointError", "ConfigError", "DataError", "DivergedError"),
    "resolve.config": ("load_config",),
    "resolve.registering": ("register",),
    "run.exported": ("load_exported",),
    "run.fitting": ("fit",),
    "run.keeping": ("restore",),
    "run.pretrained": ("pretrained",),
    "run.trained": ("Run",),
}


def __getattr__(name: str) -> Any:
    """A name of `__all__` or a module, imported when it is asked for: JAX alone takes a second."""
    for module, names in _HOME.items():
        if name in names:
            return getattr(importlib.import_module(f"ae_jax.{module}"), name)
    if not name.startswith("_") and importlib.util.find_spec(f"ae_jax.{name}"):
        return importlib.import_module(f"ae_jax.{name}")
    raise AttributeError(f"module 'ae_jax' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
