"""R17: what a run of digits is promised, for a table with holes, signals and a folder of images."""

import csv
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from tests.reliability import commands, kills
from tests.reliability.commands import EVERY, Command
from tests.reliability.tally import Tally

N = 450  # examples, of which 400 train


def table(folder: Path) -> tuple[Path, tuple[str, ...]]:
    """(a table of numbers, a category and a boolean with holes, the arguments it needs)."""
    rng, file = np.random.default_rng(0), folder / "people.csv"
    with file.open("w", newline="") as f:
        rows = csv.writer(f)
        rows.writerow(["age", "income", "job", "member", "group"])
        for _ in range(N):
            cells = [rng.normal(40, 9), rng.lognormal(8), rng.choice(["cook", "pilot"])]
            cells += [bool(rng.random() < 0.5)]
            shown = ["" if rng.random() < 0.2 else cell for cell in cells]
            rows.writerow([*shown, rng.integers(0, 2)])
    return file, (
        "--config.data.label=group",
        "--config.data.scale=standard",
        "--config.data.indicator=True",
        "--config.corruption.name=hide",
        "--config.loss.name=columns_nll",
        "--config.decoder.output=columns",
    )


def signals(folder: Path) -> tuple[Path, tuple[str, ...]]:
    """(signals of which some end early, the arguments they need)."""
    rng, file = np.random.default_rng(0), folder / "signals.npy"
    x = rng.normal(size=(N, 12, 2)).cumsum(1)
    x[::3, 8:] = np.nan
    np.save(file, x)
    return file, ("--config.data.kind=signal", "--config.data.scale=robust")


def images(folder: Path) -> tuple[Path, tuple[str, ...]]:
    """(a folder of small color images in two classes, the arguments it needs)."""
    rng, place = np.random.default_rng(0), folder / "photos"
    for i in range(N):
        file = place / "ab"[i % 2] / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (6, 6, 3), np.uint8)).save(file)
    return place, ("--config.data.color=rgb",)


KINDS: dict[str, Callable[[Path], tuple[Path, tuple[str, ...]]]] = {
    "table": table,
    "signals": signals,
    "images": images,
}


def arguments_of(kind: str, folder: Path) -> tuple[Path, tuple[str, ...]]:
    """(where the data are, all arguments of a small run of this kind)."""
    place, own = KINDS[kind](folder)
    return place, (
        "--config=undercomplete",
        f"--config.data.name={place}",
        "--config.data.n_train=400",
        "--config.model.code_size=3",
        "--config.decoder.output=linear",
        "--config.train.batch_size=40",
        "--config.bottleneck.name=dropout",
        "--config.train.log_every=1",
        f"--config.train.checkpoint_every={EVERY}",
        *own,
    )


def killed(tally: Tally, folder: Path, n: int, epochs: int, kind: str) -> None:
    """SIGKILL as in R1: the bits of the uninterrupted run."""
    _, arguments = arguments_of(kind, folder)
    kills.sigkill(tally, folder, n, epochs, arguments)


def changed(tally: Tally, folder: Path, kind: str) -> None:
    """Other data, no data, another option: each is refused, and the run is left as it was."""
    place, arguments = arguments_of(kind, folder)
    path, arguments = folder / "run", (*arguments, "--config.train.epochs=2")
    commands.run_to(20, path, *arguments)
    before = commands.saved(path)
    files = sorted(f for f in [place, *place.rglob("*")] if f.is_file())
    whole = files[-1].read_bytes()
    trials: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
        "another example": (partial(_another, files[-1]), ()),
        "no data": (partial(_away, place), ()),
        "another scale": (lambda: None, (f"--config.data.scale={_other(kind)}",)),
    }
    for name, (change, more) in trials.items():
        change()
        longer = (*arguments, *more, "--config.train.epochs=3")
        done = Command(path, *longer).wait()
        said = done.stderr.strip().splitlines()
        good = done.code == 2 and 0 < len(said) <= 3 and commands.saved(path) == before
        tally.check(good, f"{kind}, {name}: exit {done.code}: {done.stderr[-300:]}")
        if (gone := place.with_name("away")).exists():
            gone.rename(place)
        files[-1].write_bytes(whole)
    done = Command(path, *arguments, "--config.train.epochs=3", "--figures=no").wait()
    tally.check(done.code == 0, f"{kind}, as it was: exit {done.code}: {done.stderr[-300:]}")


def _other(kind: str) -> str:
    return "unit" if kind == "images" else "none"  # `undercomplete` has "sym"


def _another(file: Path) -> None:
    """One example more or other."""
    if file.suffix == ".csv":
        lines = file.read_text().splitlines()
        file.write_text("\n".join([lines[0], "41,1000,cook,True,1", *lines[2:]]) + "\n")
    elif file.suffix == ".npy":
        x = np.load(file)
        x[0, 0, 0] += 1
        np.save(file, x)
    else:
        Image.fromarray(np.zeros((6, 6, 3), np.uint8)).save(file)


def _away(place: Path) -> None:
    place.rename(place.with_name("away"))


def promised(tally: Tally, folder: Path, n: int, epochs: int) -> None:
    """All of it, of every kind."""
    for kind in KINDS:
        for part, trial in (("killed", partial(killed, n=n, epochs=epochs)), ("changed", changed)):
            (place := folder / f"{kind}-{part}").mkdir()
            trial(tally, place, kind=kind)
