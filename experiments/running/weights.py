"""Makes the weights that come with the package, of which `ae_jax.pretrained` opens one.

Each is a run of `experiments.run` in a work directory, from which it resumes after a kill; then its
weights are rounded to half precision, measured as such, and packed. What is packed already is not
made again while its config stays the same.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ae_jax.data.load import Dataset
from ae_jax.errors import AeJaxError
from ae_jax.evaluate.conformal import FALSE_ALARMS
from ae_jax.export import artefact, weights
from ae_jax.files import json_file
from ae_jax.resolve.config import changes
from ae_jax.run import exporting, keeping
from ae_jax.run.trained import Run

from .. import cli
from ..measuring import provenance
from ..measuring.measured import FREE
from ..measuring.recommended import WEIGHTS, config_of
from ..workdirs import lock, workdir
from . import session
from .prepared import Session
from .progress import Timing
from .summary import summarize

LARGE = 100  # a code of more numbers comes without the moments of its training set, a matrix
MEASURED = ("dataset", "n_test", "test", "denoise", "controls")  # of summary.json


def make(names: Sequence[str], dataset: Dataset, folder: Path, work: Path, file: Path) -> int:
    """Trains the runs in `work`, packs them in `folder`, and lists all there in `file`.

    Returns the exit code: that of a training that was interrupted, or 0.
    """
    for i, name in enumerate(names):
        print(f"{name} ({i + 1} of {len(names)})", flush=True)
        if _packed(folder / name, config_of(name, dataset.name).to_dict()):
            print(f"{folder / name}: is there already")
            write_list(folder, file)
            continue
        with cli.writing("--workdir"), lock.hold(work / name):
            s = session.prepare(config_of(name, dataset.name), dataset)
            workdir.claim(work / name, s.config, s.meta)
            if code := session.train(s, work / name, time.perf_counter(), pictures=False):
                return code
            _pack(s, keeping.restore(str(work / name)), folder / name)
        write_list(folder, file)
    return 0


def _packed(path: Path, config: Mapping[str, Any]) -> bool:
    """Whether these weights are there, whole and of this config."""
    try:
        said = artefact.read(path)[1]
    except AeJaxError:
        return False
    return "measured" in said and not changes(said["config"], config, FREE)


def _pack(s: Session, run: Run, path: Path) -> None:
    """The run as an artefact in half precision, with its numbers on the test part."""
    rounded = run._replace(variables=weights.halved(run.variables))
    if run.config.model.code_size > LARGE:
        rounded = rounded._replace(code_mean=None, code_cov=None)
    else:
        rounded = rounded.with_codes(s.dataset.train.images)
    assert run.state is not None, "a restored run has one"
    params = rounded.variables["params"]
    others = {kind: v for kind, v in rounded.variables.items() if kind != "params"}
    state = run.state._replace(params=params, statistics=others)
    found = summarize(s, state, Timing(time.perf_counter()))
    more = {
        "measured": {name: found[name] for name in MEASURED if name in found},
        "date": provenance.where()["date"],
    }
    given = (None, None, FALSE_ALARMS)  # no ordinary examples: no threshold of the score
    exporting.export(rounded, path, "safetensors", *given, replace=True, half=True, more=more)
    print(f"packed: {path}, {_bytes(path) / 1e6:.2f} MB, mse {found['test']['mse']:.5f}")


def write_list(folder: Path, file: Path) -> None:
    """What there is in the folder, in the order of `WEIGHTS`, for the results page."""
    rows = [_row(name, folder / name) for name in WEIGHTS if (folder / name).is_dir()]
    if file.exists() and json_file.read(file).get("rows") == rows:
        return  # nor is its date another
    json_file.write(file, {**provenance.where(), "rows": rows})


def _row(name: str, path: Path) -> dict[str, Any]:
    said = artefact.read(path)[1]
    config, changed = WEIGHTS[name]
    return {
        "name": name,
        "config": config,
        "changes": dict(changed),
        "epochs": said["config"]["train"]["epochs"],
        "code_size": said["code_size"],
        "bytes": _bytes(path),
        "params_sha256": said["run"]["params_sha256"],
        **said["measured"],
        "date": said["date"],
        "versions": said["versions"],
    }


def _bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in path.iterdir())
