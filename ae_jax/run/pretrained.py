"""Runs that come with the package: weights to start from.

They are artefacts of format 'safetensors' (`ae_jax.load_exported`) in half precision, trained on
all of MNIST by `python -m experiments.reproduce --weights`, a name each. Beside what any artefact
says of itself, their description.json has `measured`, the numbers of just these weights on MNIST's
test part as summary.json of a run has them, and the `date`. (`ae_jax.pretraining` is something
else: layers that a classifier starts from.)
"""

from pathlib import Path

from ae_jax.config.schema import unknown
from ae_jax.errors import ConfigError
from ae_jax.export.artefact import DESCRIPTION
from ae_jax.run.exported import load_exported
from ae_jax.run.trained import Run

FOLDER = Path(__file__).parents[1] / "weights"


def names() -> list[str]:
    """Those that `pretrained` knows."""
    return sorted(file.parent.name for file in FOLDER.glob(f"*/{DESCRIPTION}"))


def folder(name: str) -> Path:
    """The artefact of a name.

    Raises:
      ConfigError: there is none; lists those that there are.
    """
    known = names()
    if not isinstance(name, str) or name not in known:
        raise ConfigError(unknown("pretrained", str(name), known, "run"))
    return FOLDER / name


def pretrained(name: str = "") -> Run:
    """A run on all of MNIST that comes with the package, as `fit` returns one.

    >>> import ae_jax
    >>> run = ae_jax.pretrained("conv_strided")
    >>> run.model.shape, run.config.model.code_size
    ((28, 28, 1), 64)

    Its weights are rounded to half precision; state and history are not there, so it is no `start`
    for `fit`, but its weights are: `fit("conv_strided", data, key, init_from="conv_strided")`.

    Args:
      name: contractive, conv_pool, conv_strided, deep, denoise, dense, linear, tied,
        undercomplete, vae: the network of the config of this name. The results page has their
        numbers.

    Raises:
      ConfigError: no such name; the message lists those that there are.
    """
    run: Run = load_exported(folder(name)).run
    return run
