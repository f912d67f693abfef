"""Runs the applications on a trained run: a figure, numbers and a baseline for each.

    python -m experiments.analyse --workdir=runs/denoise
    python -m experiments.analyse --workdir=runs/denoise --only=interpolation,inpainting

Writes figures/analysis/<name>.png, analysis/<name>.json and gallery.html, one page with all of
them. Prints one line per application: which method wins. Applications that do not apply to the run
are skipped with the reason. Failed ones are named, and the others still run. Exit codes: 0 done, 1
some applications failed (--debug shows where), 2 bad input or environment, 130 interrupted.
"""

import json
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import flags
from tqdm import tqdm

from ae_jax.errors import ConfigError, DataError
from ae_jax.files import json_file

from . import cli

if TYPE_CHECKING:  # a misspelled flag is answered without JAX
    from ae_jax.analysis.finding import Study
    from ae_jax.run.trained import Run

GALLERY = "gallery"  # the page, which every call writes
RENAMED = {"off_the_map": "off_manifold"}  # names of the release before, taken for this one alone


def define_flags() -> None:
    """Not on import: other commands have flags of the same names."""
    cli.define_path("workdir", None, "Work directory of a finished run.")
    cli.define_data()
    flags.DEFINE_list("only", None, "Names of applications, separated by commas; default all.")
    flags.DEFINE_bool("best", False, "Use the best weights on the validation images.")
    flags.DEFINE_integer("seed", 0, "Seed of all random numbers.")
    flags.DEFINE_float("effort", 1.0, "Factor on the training time of an application's own models.")
    flags.mark_flag_as_required("workdir")


def main(argv: list[str], overrides: dict[str, Any]) -> int:
    """The command; returns its exit code."""
    F = flags.FLAGS
    if F.effort <= 0:
        raise ConfigError(f"--effort: must be a number > 0, not {F.effort:g}")
    import jax

    from ae_jax.analysis import APPLICATIONS, Study
    from ae_jax.data import arrays
    from ae_jax.data.scales import scaled
    from ae_jax.run import keeping

    from .workdirs import place

    known = [*APPLICATIONS, GALLERY]
    names = cli.chosen(known, "application", RENAMED)
    path = Path(F.workdir)
    run = keeping.restore(F.workdir, best=F.best)
    # Of training images that stay on disk, as many as are enough.
    dataset = arrays.sampled(place.opened(path, run.config, F.data))
    if run.code_mean is None:  # of the best weights, or of a run that has not finished
        run = run.with_codes(dataset.train.images)
    key = jax.random.key(F.seed)
    # As the network sees them: signals and rows in units of data.scale.
    dataset = scaled(dataset, run.config.data.scale, run.scaler)
    study = Study(run.inner, dataset, key, F.effort, outsiders=outsiders(run))
    names = [name for name in names if name != GALLERY]
    if failed := show(study, names, path, F.debug):
        what = f"{len(failed)} of {len(names)} applications failed: {', '.join(failed)}"
        cli.fail(what + "\nthe others finished; --debug shows where it failed", 1)
    return 0


def outsiders(run: "Run") -> Any:
    """Test images of Fashion-MNIST where they fit and are on this machine, else None."""
    from ae_jax.data import load as data_lib

    if run.model.shape != (28, 28, 1) or run.config.data.name == "fashion_mnist":
        return None
    try:
        return data_lib.load_data("fashion_mnist", run.config.data.manual_dir).test.images
    except DataError:
        return None


def show(study: "Study", names: list[str], path: Path, debug: bool = False) -> list[str]:
    """Runs the applications, writing what they found; a line for each. The names that failed."""
    from ae_jax.analysis import APPLICATIONS

    from .pages import gallery, one_run
    from .workdirs import finished

    (path / "analysis").mkdir(exist_ok=True)
    failed = []
    bar = tqdm(names, unit="application", disable=not sys.stderr.isatty(), dynamic_ncols=True)
    for name in bar:
        bar.set_description(name)
        record = outcome(study, name, path, debug)
        json_file.write(path / "analysis" / f"{name}.json", record)
        tqdm.write(f"{name}: {gallery.line(record)}")
        failed += [name] if "failed" in record else []
    print(f"everything on one page: {gallery.write(path, list(APPLICATIONS))}")
    if (path / "summary.json").is_file():  # the run's own page shows them as well
        one_run.write(finished.read(path))
    return failed


def outcome(study: "Study", name: str, path: Path, debug: bool = False) -> dict[str, Any]:
    """What an application found, with its figures drawn; or why it was 'skipped', or 'failed'.

    Whatever goes wrong in one application is no reason to leave out the others.
    """
    from ae_jax.analysis import NotApplicable

    try:
        return found(study, name, path)
    except NotApplicable as reason:
        return {"skipped": str(reason)}
    except Exception as error:
        if debug:
            traceback.print_exc()
        message = str(error).strip().partition("\n")[0]
        return {"failed": f"{type(error).__name__}: {message}".removesuffix(": ")}


def found(study: "Study", name: str, path: Path) -> dict[str, Any]:
    """Runs an application and draws its figures."""
    from ae_jax import figures
    from ae_jax.analysis import APPLICATIONS

    begun = time.perf_counter()
    finding = APPLICATIONS[name](study, study.key_for(name))
    files = []
    for end, figure in finding.figures.items():
        file = path / "figures" / "analysis" / f"{name}{'_' if end else ''}{end}.png"
        figures.save_both(figure, file)
        files.append(str(file.relative_to(path)))
    return {
        "sentence": finding.sentence,
        "numbers": plain(finding.numbers),
        "control": plain(finding.control),
        "figures": files,
        "seconds": round(time.perf_counter() - begun, 2),
    }


def plain(value: object) -> Any:
    """Numbers that JSON knows; rounded to six digits."""
    return json.loads(
        json.dumps(value, default=_number), parse_float=lambda s: float(f"{float(s):.6g}")
    )


def _number(value: np.generic | np.ndarray) -> Any:
    return value.tolist()


if __name__ == "__main__":
    define_flags()
    cli.run(main)
