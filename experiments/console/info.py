"""Says what is installed, on which devices it computes, which data are here, what the cache holds.

python -m experiments.console info
"""

import contextlib
import os
import platform
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ae_jax import __version__

from .. import cli
from ..pages.table import terminal

PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "safetensors")
# Distributions -> what one of them is for; an extra installs it.
OPTIONAL = {
    ("pyarrow",): "tables, data frames",
    ("tensorflow-datasets",): "mnist and fashion_mnist in full, TFDS data sets",
    ("tensorboardX",): f"{cli.command('run')} --tensorboard",
    ("mlflow-skinny", "mlflow"): f"{cli.command('run')} --mlflow",
    ("wandb",): f"{cli.command('run')} --wandb",
    ("submitit",): f"{cli.command('sweep')} --launcher=slurm",
    ("flatbuffers",): f"{cli.command('export')} --format=stablehlo",
    ("jax2onnx",): f"{cli.command('export')} --format=onnx",
    ("tensorflow", "tensorflow-cpu"): "TFDS data sets that have to be prepared",
    ("torch",): "the bench against PyTorch",
}


def main(argv: list[str], overrides: dict[str, Any]) -> int:
    """The command; returns its exit code."""
    print(terminal([*versions(), *devices(), *data(), *cache()]))
    return 0


def versions() -> list[tuple[str, str]]:
    """Of this package, of Python, and of what it computes with."""
    here = Path(str(find_spec("ae_jax").origin)).parent  # type: ignore[union-attr]
    return [
        ("ae_jax", f"{__version__} in {here}"),
        ("Python", f"{platform.python_version()} on {platform.platform(terse=True)}"),
        *((name, metadata.version(name)) for name in PACKAGES),
        *((names[0], _optional(names)) for names in OPTIONAL),
    ]


def _optional(names: tuple[str, ...]) -> str:
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):
            return metadata.version(name)
    return f"not installed ({OPTIONAL[names]})"


def devices() -> list[tuple[str, str]]:
    """What JAX computes on, how a GPU's memory is taken, and the cores of this process."""
    import jax

    kinds = [device.device_kind for device in jax.devices()]
    found = ", ".join(f"{kinds.count(kind)} x {kind}" for kind in dict.fromkeys(kinds))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    backend = jax.default_backend()
    memory = cli.gpu_memory(backend, os.environ)
    return [
        ("devices", f"{found} ({backend})"),
        *([("memory", memory)] if memory else []),
        ("cores", str(cores)),
    ]


def data() -> list[tuple[str, str]]:
    """Where the data sets are that have a name and are not made here."""
    from ae_jax.data import prepared

    found = prepared.places()
    absent = "not here (the first use downloads it, or reads it from $AE_JAX_MANUAL_DIR)"
    return [(f"data: {name}", str(place or absent)) for name, place in found.items()]


def cache() -> list[tuple[str, str]]:
    """The folder of prepared data and compiled programs, and its size."""
    from ae_jax.data.prepared import cache_folder

    folder = cache_folder()
    parts = {p.name: _size(p) for p in sorted(folder.glob("*"))} if folder.is_dir() else {}
    held = ", ".join(f"{name} {size / 2**20:.0f} MiB" for name, size in parts.items())
    return [("cache", f"{folder}: {held or 'empty'}")]


def _size(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


if __name__ == "__main__":
    cli.run(main)
