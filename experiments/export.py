"""Exports a trained run: an artefact that works elsewhere. `ae_jax.load_exported` opens it.

    python -m experiments.export --workdir=runs/denoise --format=stablehlo
    python -m experiments.export --workdir=runs/denoise --format=safetensors --half --out=denoise

Formats: 'stablehlo', programs for CPUs, CUDA and TPU that need JAX and no code of the model;
'safetensors', weights and config, of which the run is built again; 'onnx', graphs for onnxruntime;
'torch', a module of PyTorch to read and to train further, which Python imports.
Each has encode, decode, reconstruct and score, and the scale and columns of the data, names of
classes, and the threshold of the score for a rate of false alarms: from the validation part, or the
test part where there is none or where it chose the weights (--best, train.patience). 'stablehlo'
needs the extra `export`, 'onnx' and 'torch' those of their names. Exit codes: 0 done, 2 bad
input or environment.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from ae_jax.errors import ConfigError, DataError

from . import cli

if TYPE_CHECKING:  # a misspelled flag is answered without JAX
    from ae_jax.config.sections import Config
    from ae_jax.data.arrays import Dataset, Split
    from ae_jax.run.trained import Run


def define_flags() -> None:
    """Not on import: other commands have flags of the same names."""
    cli.define_path("workdir", None, "Work directory of a run.")
    flags.DEFINE_string("format", None, "What to make: stablehlo, safetensors, onnx or torch.")
    cli.define_path("out", None, "The artefact, a new directory; default WORKDIR.FORMAT.")
    cli.define_data()
    flags.DEFINE_bool("best", False, "Use the best weights on the validation images.")
    flags.DEFINE_bool(
        "half", False, "Of safetensors: weights in half precision, half of the bytes."
    )
    flags.DEFINE_bool("replace", False, "Replace an artefact that is there already.")
    cli.define_yes_or_no("threshold", True, "Find the threshold, for which the data are read.")
    flags.DEFINE_float("false_alarms", 0.05, "Share of ordinary examples above the threshold.")
    flags.mark_flags_as_required(["workdir", "format"])


def main(argv: list[str], overrides: dict[str, Any]) -> int:
    """The command; returns its exit code."""
    F = flags.FLAGS
    if not 0 < F.false_alarms < 1:
        raise ConfigError(f"--false_alarms: must be in (0, 1), not {F.false_alarms:g}")
    from ae_jax.export import artefact
    from ae_jax.run import exporting, keeping

    exporting.check_format(F.format, F.half)
    path = Path(F.workdir)
    out = Path(F.out or f"{path.absolute()}.{F.format}")
    run = keeping.restore(F.workdir, best=F.best)
    artefact.check_free(out, F.replace)
    normal, labels = held_out(run, path, F.best) if F.threshold else (None, None)
    try:
        made = run.export(out, F.format, normal, labels, F.false_alarms, F.replace, F.half)
    except DataError as error:
        raise DataError(f"{error}\n--false_alarms=RATE, or --threshold=no to do without") from error
    said = artefact.read(made)[1]["threshold"]
    size = sum(file.stat().st_size for file in made.iterdir())
    print(f"{F.format}: {out}, {size / 1e6:.2f} MB")
    if said is not None:
        print(
            f"an ordinary example scores above {said['score']:.6g} with probability at most "
            f"{said['false_alarms']:g} (from {said['examples']} that training has not seen)"
        )
    return 0


def held_out(run: "Run", path: Path, best: bool) -> tuple[Any, Any]:
    """Examples that the weights know nothing of, and their labels, of the run in `path`."""
    from .workdirs import place

    part = unseen(place.opened(path, run.config, flags.FLAGS.data), run.config, best)
    return part.images[:], part.labels


def unseen(dataset: "Dataset", config: "Config", best: bool) -> "Split":
    """The part that the weights know nothing of: validation, or else test part.

    Weights that the validation part chose, as the best or by when training ended, suit it better
    than new examples: it is not exchangeable with these, and the threshold would be too low.
    """
    chose = best or config.train.patience > 0
    return dataset.test if dataset.valid is None or chose else dataset.valid


if __name__ == "__main__":
    define_flags()
    cli.run(main)
