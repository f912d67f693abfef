"""Filling in what is missing: scattered pixels, and a grey box.

Three ways. A denoising autoencoder in one feed-forward pass; the closest point of the learnt
manifold by energy minimisation over the code, from several starts (course notes, figures 10 and
11); and what needs no network: Telea (2004) and Navier-Stokes (Bertalmio et al. 2001) of OpenCV,
interpolation where OpenCV is absent, the mean image, and the best linear filling. Scored on the
missing pixels alone.
"""

import importlib.util
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.interpolate import NearestNDInterpolator

from ae_jax import controls
from ae_jax.analysis import judge
from ae_jax.analysis.energy import Minimum, closest, prior_of
from ae_jax.analysis.finding import Finding, Study
from ae_jax.evaluation import psnr
from ae_jax.figures import image_rows
from ae_jax.panels import Panel, line_panels
from ae_jax.run import Run

RATE, BOX, GREY = 0.5, 8, 0.5
CORNER = (8, 12)  # rows and columns the box's corner is drawn from: the Keras tutorial's repair
IMAGES = 100
RADIUS = 3  # of OpenCV's two methods, as in the course notes
STEPS = 1300
LEARNT = ("denoiser, one pass", "the run, one pass", "energy")
OURS = {
    "scattered pixels": "denoiser, one pass",
    "grey box": "energy",
}  # judged; no choice by score
DENOISER: dict[str, Any] = {  # dropped pixels are mid-grey in [-1,1] units, neither ink nor paper
    "data": {"scale": "sym"},
    "corruption": {"name": "mask", "rate": RATE},
    "encoder": {"hidden": (1000,), "code_activation": "relu"},
    "decoder": {"hidden": (1000,), "output": "tanh"},
    "model": {"code_size": 1000, "init": "he"},
    # What is known need not be made again: the units are for what is missing.
    "loss": {"name": "emphasised_squared_error", "kept": 0.1},
    "optim": {"learning_rate": 1e-3, "schedule": "cosine"},
    "train": {"batch_size": 128},
}


def scattered(key: jax.Array, shape: tuple[int, ...], rate: float = RATE) -> np.ndarray:
    """Which pixels are known: 1 or 0 [n, H, W, 1]; a pixel is missing with probability `rate`."""
    return np.asarray(jax.random.uniform(key, (*shape[:3], 1)) >= rate, np.float32)


def boxes(key: jax.Array, shape: tuple[int, ...], size: int = BOX) -> np.ndarray:
    """1 or 0 [n, H, W, 1], 0 in one square of `size` an image, its corner drawn near the middle.

    It is half as wide as the image at most.
    """
    n, H, W = shape[:3]
    size = min(size, H // 2, W // 2)
    low, high = CORNER
    spans = [(min(low, max(side - size, 0)), min(high, side - size + 1)) for side in (H, W)]
    k_rows, k_columns = jax.random.split(key)
    top, left = (
        np.asarray(jax.random.randint(k, (n, 1), a, max(b, a + 1)))
        for k, (a, b) in zip((k_rows, k_columns), spans, strict=True)
    )
    rows, columns = np.arange(H)[None], np.arange(W)[None]
    inside = ((rows >= top) & (rows < top + size))[:, :, None] & (
        (columns >= left) & (columns < left + size)
    )[:, None, :]
    return 1.0 - inside[..., None].astype(np.float32)


def fill(known: np.ndarray, images: np.ndarray, guess: Any) -> np.ndarray:
    """What is known of the images, and the guess elsewhere, clipped to [0,1]."""
    return known * images + (1 - known) * np.clip(guess, 0, 1)


def classical() -> dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]:
    """Name -> f(image [H, W] in [0,1], missing [H, W]) -> filled, without learning."""
    if importlib.util.find_spec("cv2") is None:
        return {"nearest pixel": _nearest}
    import cv2

    def method(flag: int) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        def filled(image: np.ndarray, missing: np.ndarray) -> np.ndarray:
            eight = np.rint(255 * image).astype(np.uint8)
            return cv2.inpaint(eight, missing.astype(np.uint8), RADIUS, flag) / 255.0

        return filled

    return {"Telea": method(cv2.INPAINT_TELEA), "Navier-Stokes": method(cv2.INPAINT_NS)}


def _nearest(image: np.ndarray, missing: np.ndarray) -> np.ndarray:
    places = np.argwhere(~missing.astype(bool))
    values = image[tuple(places.T)]
    return NearestNDInterpolator(places, values)(*np.indices(image.shape))


def apply_each(method: Any, images: np.ndarray, known: np.ndarray) -> np.ndarray:
    """A classical method on every channel of every image [n, H, W, C], known [n, H, W, 1]."""
    grey = known * images + (1 - known) * GREY
    planes = np.moveaxis(grey, -1, 1)
    filled = [
        [method(p, 1 - m[..., 0]) for p in image] for image, m in zip(planes, known, strict=True)
    ]
    return np.moveaxis(np.asarray(filled, np.float32), 1, -1)


def nearest_codes(
    known: np.ndarray, images: np.ndarray, train: np.ndarray, codes: np.ndarray
) -> np.ndarray:
    """The code [n, k] of the training image that differs least on the known pixels."""
    rows, mask = controls.unit_rows(known * images), known.repeat(images.shape[-1], -1)
    held, weight = controls.unit_rows(train), mask.reshape(len(mask), -1)
    distance = weight @ np.square(held).T - 2 * rows @ held.T  # up to a constant of the image
    return codes[distance.argmin(1)]


def linear(known: np.ndarray, images: np.ndarray, train: np.ndarray) -> np.ndarray | None:
    """The best linear filling: of a Gaussian with the mean m and covariance C of the training rows.

    The missing rows x_u given the known x_k are m_u - P_uu^-1 P_uk (x_k - m_k), with the precision
    P = (C + ridge)^-1; the ridge is a tenth of the mean variance. Images [n, H, W, C] and `known`
    [n, H, W, 1]; None where there are more than 4,096 pixels.
    """
    rows, held = controls.unit_rows(images).astype(np.float64), controls.unit_rows(train)
    if rows.shape[1] > controls.EXACT_PIXELS or len(held) < 2:
        return None
    mean, cov = held.mean(0), np.cov(held, rowvar=False)
    ridge = 0.1 * np.trace(cov) / len(cov) + 1e-9
    P = np.linalg.inv(cov + ridge * np.eye(len(cov)))
    seen = known.repeat(images.shape[-1], -1).reshape(rows.shape) > 0
    for row, k in zip(rows, seen, strict=True):
        row[~k] = mean[~k] - np.linalg.solve(P[np.ix_(~k, ~k)], P[np.ix_(~k, k)] @ (row - mean)[k])
    return rows.reshape(images.shape).astype(np.float32)


def masked(image: jax.Array, known: jax.Array) -> jax.Array:
    """The operator of inpainting: what is known of an image [H, W, C], 0 elsewhere."""
    return known * image


def by_energy(run: Run, known: np.ndarray, images: np.ndarray, train: np.ndarray) -> Minimum:
    """Most probable codes of the known pixels, from four starts: the codes of the grey-filled and
    the mean-filled image, the nearest training code, the mean code."""
    codes = run.encode(train)
    prior = prior_of(run, train)
    starts = [
        run.encode(fill(known, images, GREY)),
        run.encode(fill(known, images, train.mean(0))),
        nearest_codes(known, images, train, codes),
        np.broadcast_to(codes.mean(0), (len(images), codes.shape[1])),
    ]
    return closest(run, prior, masked, (jnp.asarray(known * images), jnp.asarray(known)), starts)


def missing_mse(known: np.ndarray, images: np.ndarray, guess: np.ndarray) -> float:
    """Squared error a missing pixel, in [0,1] units."""
    return float(missing_sse(known, images, guess).sum() / ((1 - known).sum() * images.shape[-1]))


def missing_sse(known: np.ndarray, images: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """Squared error of each image [n], summed over the missing pixels, in [0,1] units."""
    wrong = np.square((1 - known) * (np.clip(guess, 0, 1) - images), dtype=np.float64)
    return wrong.sum((1, 2, 3))


def measure(masks: Any, images: np.ndarray, guesses: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """(numbers, the controls'), as `analyse` returns them."""
    numbers: dict[str, Any] = {"images": len(images), "gains": {}}
    control: dict[str, Any] = {"linear": {}}
    for kind, ways in guesses.items():
        known = masks[kind]
        sse = {way: missing_sse(known, images, g) for way, g in ways.items()}
        table = {}
        for way, g in ways.items():
            mse = missing_mse(known, images, g)
            table[way] = {"mse": mse, "psnr_db": psnr(mse)}
        numbers[kind] = {way: table[way] for way in ways if way in LEARNT}
        control[kind] = {w: v for w, v in table.items() if w not in (*LEARNT, "linear")}
        if "linear" in table:
            control["linear"][kind] = table["linear"]
        # The best of the controls is chosen by what is reported, in their favor; ours is not.
        ours = OURS[kind]
        theirs = judge.best({w: v["psnr_db"] for w, v in table.items() if w not in LEARNT})
        gain = judge.decibels(sse[ours], sse[theirs])
        classical = judge.best({w: v["psnr_db"] for w, v in control[kind].items()})
        over = judge.decibels(sse[ours], sse[classical])
        numbers["gains"][kind] = {
            "ours": ours,
            "theirs": theirs,
            "gain_db": gain.value,
            "gain_error_db": gain.error,
            "classical": classical,
            "gain_over_classical_db": over.value,
            "gain_over_classical_error_db": over.error,
        }
    return numbers, control


def sentence(numbers: Any, control: Any) -> str:
    """Who wins on what is missing, from what `analyse` returns."""
    words = []
    for kind, row in numbers["gains"].items():
        db = {w: v["psnr_db"] for w, v in {**numbers[kind], **control[kind]}.items()}
        if kind in control["linear"]:
            db["linear"] = control["linear"][kind]["psnr_db"]
        gain = judge.Estimate(row["gain_db"], row["gain_error_db"])
        who = judge.verdict(row["ours"], row["theirs"], gain, db[row["ours"]] > db["mean image"])
        named = dict.fromkeys([row["ours"], row["theirs"], row["classical"]])
        words.append(
            f"{kind}: {who}, {gain.text(sign=True)} dB "
            f"({', '.join(f'{way} {db[way]:.1f}' for way in named)})"
        )
    return "; ".join(words)


def analyse(study: Study, key: jax.Array) -> Finding:
    """Half of the pixels, and a box: by a denoiser trained for it, and by the run's manifold.

    The first 100 test images; the denoiser (1,000 units) is trained for about 1,300 x effort steps.
    The scattered pixels are the denoiser's task, the box the energy's (course notes): these two are
    judged, against the control that does best.

    Returns:
      numbers: 'images', how many; 'scattered pixels' and 'grey box': {'denoiser, one pass',
        'the run, one pass', 'energy'}, each {'mse' per missing pixel in [0,1] units, 'psnr_db'};
        'gains': for both, {the names 'ours' and 'theirs', and 'gain_db' with its standard error
        'gain_error_db', image by image; 'classical', the best control that has seen no images,
        with 'gain_over_classical_db' and its error}.
      control: the same of 'Telea' and 'Navier-Stokes' (without OpenCV 'nearest pixel'), 'mean
        image' and 'grey'; 'linear': for both, the best linear filling, where the images have at
        most 4,096 pixels.

    Raises:
      NotApplicable: the data are not images of 8 x 8 pixels or more; the decoder is told the label.
    """
    study.need_images()
    study.need_unconditional()
    images, train = study.test.images[:IMAGES], study.train.images
    k_fit, k_scattered, k_box = jax.random.split(key, 3)
    denoiser = study.fit(k_fit, STEPS, DENOISER)
    masks = {
        "scattered pixels": scattered(k_scattered, images.shape),
        "grey box": boxes(k_box, images.shape),
    }
    guesses: dict[str, dict[str, np.ndarray]] = {}
    traces = {}
    for name, known in masks.items():
        found = by_energy(study.run, known, images, train)
        traces[name] = np.asarray(found.trace).mean(1)
        guesses[name] = {
            "denoiser, one pass": denoiser.reconstruct(as_trained(denoiser, known, images)),
            "the run, one pass": study.run.reconstruct(as_trained(study.run, known, images)),
            "energy": study.run.decode(np.asarray(found.x)),
            **unlearnt(known, images, train),
        }
    numbers, control = measure(masks, images, guesses)
    made = {"": _rows(masks, images, guesses), "energy": _energy_chart(traces)}
    return Finding(numbers, control, sentence(numbers, control), made)


def unlearnt(known: np.ndarray, images: np.ndarray, train: np.ndarray) -> dict[str, np.ndarray]:
    """Control -> filled images [n, H, W, C]: all that needs no network."""
    best = linear(known, images, train)
    return {
        **({} if best is None else {"linear": best}),
        **{n: apply_each(m, images, known) for n, m in classical().items()},
        "mean image": np.broadcast_to(train.mean(0), images.shape),
        "grey": np.full_like(images, GREY),
    }


def as_trained(run: Run, known: np.ndarray, images: np.ndarray) -> np.ndarray:
    """The images without what is missing, in [0,1] units: as the run's corruption would have made
    them where it drops pixels, filled with grey for any other run."""
    corruption, low = run.config.corruption, -1.0 if run.model.scale == "sym" else 0.0
    if corruption.name not in ("mask", "dropout"):
        return fill(known, images, GREY)
    kept = known * (images * (1 - low) + low)  # dropped pixels are 0 in the network's scale
    if corruption.name == "dropout":  # survivors are rescaled
        kept = kept / (1 - corruption.rate)
    return (kept - low) / (1 - low)


def _rows(masks: Any, images: np.ndarray, guesses: Any) -> Any:
    rows = {}
    few = slice(0, 12)
    for i, (name, ways) in enumerate(guesses.items()):
        known, pad = masks[name][few], " " * i
        rows["given" + pad] = fill(known, images[few], GREY)
        for way, guess in ways.items():
            if way not in ("grey", "mean image"):
                label = f"{way}, {psnr(missing_mse(masks[name], images, guess)):.1f} dB"
                rows[label + pad] = fill(known, images[few], guess[few])
        rows["truth" + pad] = images[few]
    return image_rows(rows, "Missing pixels filled in: test images, PSNR on the missing pixels")


def _energy_chart(traces: Any) -> Any:
    panels = [
        Panel(
            name,
            "step",
            "energy (nats, up to a constant)",
            {"mean over images": (np.arange(len(v)), v)},
            log_y=True,
        )
        for name, v in traces.items()
    ]
    return line_panels(panels, "The energy falls: the best of four starts")
