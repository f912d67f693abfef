"""Writes one page in which a trained run's network itself works, in any browser, without a network.

    python -m experiments.playground --workdir=runs/denoise
    python -m experiments.playground --workdir=runs/denoise --best --out=denoise.html

Draw and see the code, the reconstruction, the denoised version and the anomaly score; walk along
the principal directions of the codes. Writes playground.html into the work directory, and links it
from the report. The threshold of the score is that of `experiments.export`. Exit codes: 0 done, 2
bad input.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from ae_jax.errors import ConfigError, DataError

from . import cli

if TYPE_CHECKING:  # a misspelled flag is answered without JAX
    from ae_jax.data.arrays import Dataset
    from ae_jax.export.description import Threshold
    from ae_jax.run.trained import Run


def define_flags() -> None:
    """Not on import: other commands have flags of the same names."""
    cli.define_path("workdir", None, "Work directory of a run.")
    cli.define_path("out", None, "The page; default playground.html in the work directory.")
    cli.define_data()
    flags.DEFINE_bool("best", False, "Use the best weights on the validation images.")
    flags.DEFINE_float("false_alarms", 0.05, "Share of ordinary examples above the threshold.")
    flags.mark_flag_as_required("workdir")


def main(argv: list[str], overrides: dict[str, Any]) -> int:
    """The command; returns its exit code."""
    F = flags.FLAGS
    if not 0 < F.false_alarms < 1:
        raise ConfigError(f"--false_alarms: must be in (0, 1), not {F.false_alarms:g}")
    cli.check_writable(F.out)
    from ae_jax.run import keeping

    from .pages import one_run
    from .workdirs import finished, place

    path = Path(F.workdir)
    run = keeping.restore(F.workdir, best=F.best)
    dataset = place.opened(path, run.config, F.data)
    title = f"{run.config.name} on {place.short(run.config.data.name)}"
    out = Path(F.out or path / one_run.PLAYGROUND)
    show(run, out, dataset, title, F.best, F.false_alarms)
    if out == path / one_run.PLAYGROUND and (path / "summary.json").is_file():
        one_run.write(finished.read(path))
    return 0


def show(
    run: "Run",
    out: Path,
    dataset: "Dataset | None",
    title: str,
    best: bool = False,
    false_alarms: float = 0.05,
) -> None:
    """Writes the page of any run, and says so; without data there are no examples on it."""
    from ae_jax.data.scales import scaled

    from .pages import playground

    threshold, why = None, "no threshold: the data are not here"
    if dataset is not None:
        print("finding the threshold and the directions of the codes ...", flush=True)
        threshold, why = found(run, dataset, best, false_alarms)
        dataset = scaled(dataset, run.config.data.scale, run.scaler)
    with cli.writing("--out"):
        playground.write(run, out, dataset, threshold, title, why)
    print(f"playground: {out}, {out.stat().st_size / 1e6:.2f} MB")


def found(
    run: "Run", dataset: "Dataset", best: bool, false_alarms: float
) -> "tuple[Threshold | None, str]":
    """(the threshold of the score, ''), or (None, why there is none)."""
    from ae_jax.run import exporting

    from .export import unseen

    part = unseen(dataset, run.config, best)
    labels = part.labels if run.config.model.classes else None
    try:
        return exporting.threshold(run, part.images[:], labels, false_alarms), ""
    except DataError as error:
        return None, f"no threshold: {str(error).splitlines()[0]}"


if __name__ == "__main__":
    define_flags()
    cli.run(main)
