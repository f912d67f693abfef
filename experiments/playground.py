"""Writes one page in which a trained run's network itself works, in any browser, without a network.

    python -m experiments.playground --workdir=runs/denoise
    python -m experiments.playground --workdir=runs/denoise --best --out=denoise.html
    python -m experiments.playground --pretrained=conv_strided

Draw and see the code, the reconstruction, the denoised version and the anomaly score; walk along
the principal directions of the codes. Writes playground.html into the work directory, and links it
from the report; of a network that comes with the package (`ae_jax.pretrained`), NAME.html here. The
threshold of the score is that of `experiments.export`. Exit codes: 0 done, 2 bad input.
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
    flags.DEFINE_string("pretrained", None, "Or a network that comes with the package.")
    cli.define_path("out", None, "The page; default WORKDIR/playground.html, or NAME.html here.")
    cli.define_data()
    flags.DEFINE_bool("best", False, "Use the best weights on the validation images.")
    flags.DEFINE_float("false_alarms", 0.05, "Share of ordinary examples above the threshold.")
    flags.mark_flags_as_mutual_exclusive(["workdir", "pretrained"], required=True)


def main(argv: list[str], overrides: dict[str, Any]) -> int:
    """The command; returns its exit code."""
    F = flags.FLAGS
    if not 0 < F.false_alarms < 1:
        raise ConfigError(f"--false_alarms: must be in (0, 1), not {F.false_alarms:g}")
    cli.check_writable(F.out)
    if F.pretrained is not None:
        return of_package(F.pretrained, Path(F.out or f"{F.pretrained}.html"))
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


def of_package(name: str, out: Path) -> int:
    """The page of a network of `ae_jax.pretrained`; returns the exit code.

    Without all of MNIST its examples are the 5,000 digits that come with a dependency: of the
    training set, so that no threshold is found from them.
    """
    from ae_jax.data.load import load_data
    from ae_jax.run.pretrained import pretrained

    F = flags.FLAGS
    if F.best:
        raise ConfigError(
            "--best: is for --workdir; a network of the package has its weights alone"
        )
    run = pretrained(name)
    cli.check_writable(str(out))
    why = ""
    try:
        dataset = load_data(F.data or "mnist")
    except DataError:
        if F.data:
            raise
        dataset, why = load_data("mnist5k"), "no threshold: it was trained on the digits here"
    show(run, out, dataset, f"{name}, trained on MNIST", False, F.false_alarms, why)
    return 0


def show(
    run: "Run",
    out: Path,
    dataset: "Dataset | None",
    title: str,
    best: bool = False,
    false_alarms: float = 0.05,
    why: str = "",
) -> None:
    """Writes the page of any run, and says so.

    Without data there are no examples on it; `why` says why the data give no threshold.
    """
    from ae_jax.data.scales import scaled

    from .pages import playground

    threshold = None
    if dataset is None:
        why = "no threshold: the data are not here"
    else:
        print("finding the directions of the codes ...", flush=True)
        if not why:
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
