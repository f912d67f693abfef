"""Filling in what is missing: scattered pixels, and a gray box.

Three ways. A denoising autoencoder in one feed-forward pass; the closest point of the learned
manifold by energy minimization over the code, from several starts (course notes, figures 10 and
11); and what needs no network, see `filling`. Scored on the missing pixels alone, see `missing`.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypedDict

import jax
import jax.numpy as jnp
import numpy as np

from ae_jax.analysis import filling, missing
from ae_jax.analysis import judge as judging
from ae_jax.analysis.energy import Minimum, closest, prior_of
from ae_jax.analysis.finding import Application, Measured, Study
from ae_jax.evaluate import baselines
from ae_jax.evaluate.metrics import psnr
from ae_jax.figures import image_rows
from ae_jax.figures.panels import Panel, line_panels
from ae_jax.run.trained import Run

IMAGES = 100
STEPS = 1300
FEW = 12  # images in the figure
Guesses = Mapping[str, np.ndarray]  # way -> images [n, H, W, C]
Kind = Literal["scattered pixels", "gray box"]
Way = Literal["denoiser, one pass", "the run, one pass", "energy"]
LEARNT: tuple[Way, ...] = ("denoiser, one pass", "the run, one pass", "energy")
OURS: dict[Kind, Way] = {  # not chosen by its score
    "scattered pixels": "denoiser, one pass",
    "gray box": "energy",
}
DENOISER: dict[str, Any] = {  # dropped pixels are mid-gray in [-1,1] units, neither ink nor paper
    "data": {"scale": "sym"},
    "corruption": {"name": "mask", "rate": missing.RATE},
    "encoder": {"hidden": (1000,), "code_activation": "relu"},
    "decoder": {"hidden": (1000,), "output": "tanh"},
    "model": {"code_size": 1000, "init": "he"},
    # What is known need not be made again: the units are for what is missing.
    "loss": {"name": "emphasised_squared_error", "kept": 0.1},
    "optim": {"learning_rate": 1e-3, "schedule": "cosine"},
    "train": {"batch_size": 128},
}


class Score(TypedDict):
    """Of one way."""

    mse: float  # per missing pixel, [0,1] units
    psnr_db: float


class Gain(TypedDict):
    """Of the way that is judged over the controls, image by image."""

    ours: Way
    theirs: str  # the best control
    gain_db: float
    gain_error_db: float  # its standard error
    classical: str  # the best control that has seen no images
    gain_over_classical_db: float
    gain_over_classical_error_db: float


Learned = dict[Way, Score]
Numbers = TypedDict(
    "Numbers",
    {
        "images": int,  # how many
        "gains": dict[Kind, Gain],
        "scattered pixels": Learned,
        "gray box": Learned,
    },
)
Unlearned = dict[
    str, Score
]  # of 'Telea' and 'Navier-Stokes', or 'nearest pixel'; 'mean image', ...
Control = TypedDict(
    "Control",
    {
        "linear": dict[Kind, Score],  # the best linear filling, where there are few enough pixels
        "scattered pixels": Unlearned,
        "gray box": Unlearned,
    },
)


class Filled(NamedTuple):
    """Images [n, H, W, C] of which something is missing, and guesses at it."""

    known: np.ndarray  # 1 or 0 [n, H, W, 1]
    guesses: Guesses
    trace: np.ndarray  # energy at every step, in nats up to a constant, mean over the images


class Shown(NamedTuple):
    """What the figures show."""

    images: np.ndarray  # the first FEW
    filled: dict[Kind, Filled]  # the same images


def nearest_codes(
    known: np.ndarray, images: np.ndarray, train: np.ndarray, codes: np.ndarray
) -> np.ndarray:
    """The code [n, k] of the training image that differs least on the known pixels."""
    rows, mask = baselines.unit_rows(known * images), known.repeat(images.shape[-1], -1)
    held, weight = baselines.unit_rows(train), mask.reshape(len(mask), -1)
    distance = weight @ np.square(held).T - 2 * rows @ held.T  # up to a constant of the image
    return codes[distance.argmin(1)]


def by_energy(run: Run, known: np.ndarray, images: np.ndarray, train: np.ndarray) -> Minimum:
    """Most probable codes of the known pixels, from four starts: the codes of the gray-filled and
    the mean-filled image, the nearest training code, the mean code."""
    codes = run.encode(train)
    prior = prior_of(run, train)
    starts = [
        run.encode(missing.fill(known, images, filling.GREY)),
        run.encode(missing.fill(known, images, train.mean(0))),
        nearest_codes(known, images, train, codes),
        np.broadcast_to(codes.mean(0), (len(images), codes.shape[1])),
    ]
    data = (jnp.asarray(known * images), jnp.asarray(known))
    return closest(run, prior, missing.masked, data, starts)


def scores(known: np.ndarray, images: np.ndarray, guesses: Guesses) -> dict[str, Score]:
    """Way -> how far off its guesses at the missing pixels are."""
    mse = {way: missing.mse(known, images, guess) for way, guess in guesses.items()}
    return {way: {"mse": v, "psnr_db": psnr(v)} for way, v in mse.items()}


def compared(ours: Way, known: np.ndarray, images: np.ndarray, guesses: Guesses) -> Gain:
    """One way against the best of the controls, chosen by what is reported, in their favor."""
    sse = {way: missing.squares(known, images, guess) for way, guess in guesses.items()}
    db = {w: v["psnr_db"] for w, v in scores(known, images, guesses).items() if w not in LEARNT}
    theirs, classical = judging.best(db), judging.best({w: db[w] for w in db if w != "linear"})
    gain, over = (judging.decibels(sse[ours], sse[way]) for way in (theirs, classical))
    return {
        "ours": ours,
        "theirs": theirs,
        "gain_db": gain.value,
        "gain_error_db": gain.error,
        "classical": classical,
        "gain_over_classical_db": over.value,
        "gain_over_classical_error_db": over.error,
    }


def measure(study: Study, key: jax.Array) -> Measured[Numbers, Control, Shown]:
    """Half of the pixels, and a box; see APPLICATION."""
    study.need_images()
    study.need_unconditional()
    images = study.test.images[:IMAGES]
    k_fit, k_scattered, k_box = jax.random.split(key, 3)
    denoiser = study.fit(k_fit, STEPS, DENOISER)
    masks: dict[Kind, np.ndarray] = {
        "scattered pixels": missing.scattered(k_scattered, images.shape),
        "gray box": missing.boxes(k_box, images.shape),
    }
    filled = {kind: filled_in(study, denoiser, known, images) for kind, known in masks.items()}
    table = {kind: scores(part.known, images, part.guesses) for kind, part in filled.items()}
    numbers: Numbers = {
        "images": len(images),
        "gains": {k: compared(OURS[k], f.known, images, f.guesses) for k, f in filled.items()},
        "scattered pixels": {way: table["scattered pixels"][way] for way in LEARNT},
        "gray box": {way: table["gray box"][way] for way in LEARNT},
    }
    others = {
        kind: {way: v for way, v in row.items() if way not in (*LEARNT, "linear")}
        for kind, row in table.items()
    }
    control: Control = {
        "linear": {kind: row["linear"] for kind, row in table.items() if "linear" in row},
        "scattered pixels": others["scattered pixels"],
        "gray box": others["gray box"],
    }
    few = {
        kind: Filled(part.known[:FEW], {w: v[:FEW] for w, v in part.guesses.items()}, part.trace)
        for kind, part in filled.items()
    }
    return Measured(numbers, control, Shown(images[:FEW], few))


def filled_in(study: Study, denoiser: Run, known: np.ndarray, images: np.ndarray) -> Filled:
    """What each way makes of the images [n, H, W, C] where `known` [n, H, W, 1] is 0."""
    train = study.train.images
    found = by_energy(study.run, known, images, train)
    guesses = {
        "denoiser, one pass": denoiser.reconstruct(missing.as_trained(denoiser, known, images)),
        "the run, one pass": study.run.reconstruct(missing.as_trained(study.run, known, images)),
        "energy": study.run.decode(np.asarray(found.x)),
        **filling.unlearned(known, images, train),
    }
    return Filled(known, guesses, np.asarray(found.trace).mean(1))


def _psnr(numbers: Numbers, control: Control, kind: Kind) -> dict[str, float]:
    """Way -> dB, of all ways."""
    rows: dict[str, Score] = {way: row for way, row in numbers[kind].items()}
    rows |= control[kind]
    if kind in control["linear"]:
        rows["linear"] = control["linear"][kind]
    return {way: row["psnr_db"] for way, row in rows.items()}


def judge(numbers: Numbers, control: Control) -> str:
    """Who wins on what is missing."""
    words = []
    for kind, row in numbers["gains"].items():
        db = _psnr(numbers, control, kind)
        gain = judging.Estimate(row["gain_db"], row["gain_error_db"])
        who = judging.verdict(row["ours"], row["theirs"], gain, db[row["ours"]] > db["mean image"])
        named = dict.fromkeys([row["ours"], row["theirs"], row["classical"]])
        words.append(
            f"{kind}: {who}, {gain.text(sign=True)} dB "
            f"({', '.join(f'{way} {db[way]:.1f}' for way in named)})"
        )
    return "; ".join(words)


def draw(measured: Measured[Numbers, Control, Shown]) -> dict[str, Any]:
    """Images filled in; 'energy', how it falls."""
    panels = [
        Panel(
            kind,
            "step",
            "energy (nats, up to a constant)",
            {"mean over images": (np.arange(len(part.trace)), part.trace)},
            log_y=True,
        )
        for kind, part in measured.shown.filled.items()
    ]
    title = "Missing pixels filled in: test images, PSNR on the missing pixels"
    return {
        "": image_rows(_rows(measured), title),
        "energy": line_panels(panels, "The energy falls: the best of four starts"),
    }


def _rows(measured: Measured[Numbers, Control, Shown]) -> dict[str, np.ndarray]:
    numbers, control, (images, filled) = measured
    rows = {}
    for i, (kind, (known, guesses, _)) in enumerate(filled.items()):
        db, pad = _psnr(numbers, control, kind), " " * i  # no two rows of one name
        rows["given" + pad] = missing.fill(known, images, filling.GREY)
        for way in [w for w in guesses if w not in ("gray", "mean image")]:
            rows[f"{way}, {db[way]:.1f} dB{pad}"] = missing.fill(known, images, guesses[way])
        rows["truth" + pad] = images
    return rows


APPLICATION = Application(measure, judge, draw)
"""Half of the pixels, and a box: by a denoiser trained for it, and by the run's manifold.

The first 100 test images; the denoiser (1,000 units) is trained for about 1,300 x effort steps.
The scattered pixels are the denoiser's task, the box the energy's (course notes): these two are
judged, against the control that does best.

Raises:
  NotApplicable: the data are not images of 8 x 8 pixels or more; the decoder is told the label.
"""
