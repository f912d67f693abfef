"""Packages that not every training needs: an extra of ae_jax installs those of a purpose."""

import importlib.util
from collections.abc import Sequence

from ae_jax.errors import AeJaxError, ConfigError

TABLES = ("pyarrow",)
TFDS = ("tensorflow_datasets", "importlib_resources", "pyarrow")


def missing(packages: Sequence[str]) -> list[str]:
    """Those that are not installed."""
    return [name for name in packages if importlib.util.find_spec(name) is None]


def need(
    what: str, packages: Sequence[str], extra: str, error: type[AeJaxError] = ConfigError
) -> None:
    """Raises `error` where a package that `what` needs is not installed, with what installs it."""
    if names := missing(packages):
        raise error(f"{what} needs {', '.join(names)}: pip install 'ae_jax[{extra}]'")
