"""Rate and distortion: numbers in the code, bits for each of them, and what is left of the image.

Every number is rounded to 2^b evenly spaced levels between its 0.1 % and 99.9 % quantiles on the
training set. PCA of equal size goes through the same quantizer.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, NotRequired, TypedDict

import jax
import numpy as np

from ae_jax.analysis import judge as judging
from ae_jax.analysis.codec import entropy, errors_by_bits, pca_codec, quantize
from ae_jax.analysis.finding import Application, Measured, Study
from ae_jax.analysis.judge import Estimate
from ae_jax.evaluate import baselines
from ae_jax.evaluate.metrics import psnr
from ae_jax.figures import image_rows
from ae_jax.figures.panels import Panel, line_panels
from ae_jax.run.trained import Run

BITS = (2, 4, 8, 32)  # 32: as they are
SHOWN_BITS = 8  # of the images in the figure
Errors = dict[int, np.ndarray]  # code size -> squared errors [len(BITS), n]
BySize = dict[int, list[float]]  # code size (text in a file) -> a value for each number of bits


class Coded(TypedDict):
    """Of a run whose codes are quantized, as they are; the control is the best of PCA.

    The best at the test images of all sizes and bits a number that take no more bits in all, so the
    choice favors PCA.
    """

    bits: float  # of an image
    entropy_bits: float  # by an ideal entropy coder, see `entropy`
    mse: float  # per pixel, [0,1] units
    pca_mse: float
    gain_db: Estimate  # over PCA, of the same images


class Own(TypedDict):
    """Of the run, a value for each number of bits."""

    code_size: int
    mse: list[float]  # per pixel, [0,1] units
    psnr_db: list[float]
    gain_db: NotRequired[list[Estimate]]  # where the code is smaller than the image
    quantized: NotRequired[Coded]


class Numbers(TypedDict):
    """Of the autoencoders of several sizes, and of the run."""

    mse: BySize  # of the test images, per pixel in [0,1] units
    psnr_db: BySize
    gain_db: dict[int, list[Estimate]]  # dB over PCA, its standard error, of the same images
    bits: list[int]  # for a number of the code
    run: Own


class Control(TypedDict):
    """Of PCA of the same sizes, and of no code at all."""

    pca_mse: BySize  # per pixel, [0,1] units
    pca_psnr_db: BySize
    mean_image_mse: float
    image_bits: int  # of an image, 8 a pixel


class Shown(NamedTuple):
    """Test images [12, H, W, C] and what is left of them."""

    images: np.ndarray
    decoded: dict[int, np.ndarray]  # code size -> of SHOWN_BITS a number
    pca: tuple[int, np.ndarray]  # (components, as they are), of the largest size


def measure(study: Study, key: jax.Array) -> Measured[Numbers, Control, Shown]:
    """Autoencoders of five code sizes, and the run, against PCA; see APPLICATION."""
    study.need_images()
    train, test = study.train.images, study.test.images
    pixels = test[0].size
    family = {k: run for k, run in study.family.items() if k < min(pixels, len(train))}
    found = {
        k: errors_by_bits(run.decode, run.encode(test), run.encode(train), test, BITS)
        for k, run in family.items()
    }
    pca = {k: _pca_errors_by_bits(train, test, k) for k in family}
    mse, pca_mse = by_size(found), by_size(pca)
    numbers: Numbers = {
        "mse": mse,
        "psnr_db": _db(mse),
        "gain_db": gains(found, pca),
        "bits": list(BITS),
        "run": _of_run(study),
    }
    control: Control = {
        "pca_mse": pca_mse,
        "pca_psnr_db": _db(pca_mse),
        "mean_image_mse": baselines.mean_image_mse(train, test),
        "image_bits": 8 * pixels,
    }
    return Measured(numbers, control, _shown(test[:12], family, train))


def by_size(errors: Errors) -> BySize:
    """Means over the images."""
    return {k: v.mean(1).tolist() for k, v in errors.items()}


def gains(found: Errors, pca: Errors) -> dict[int, list[Estimate]]:
    """dB over PCA of the same size and bits, image by image."""
    return {
        k: [judging.decibels(a, b) for a, b in zip(found[k], pca[k], strict=True)] for k in found
    }


def _db(table: BySize) -> BySize:
    return {k: [psnr(v) for v in values] for k, values in table.items()}


def _pca_errors_by_bits(
    train: np.ndarray, test: np.ndarray, k: int, bits: Sequence[int] = BITS
) -> np.ndarray:
    encode, decode = pca_codec(train, k)
    return errors_by_bits(decode, encode(test), encode(train), test, bits)


def _of_run(study: Study) -> Own:
    """The run's own numbers, beside PCA of as many."""
    run, size = study.run, study.run.config.model.code_size
    train, test = study.train.images, study.test

    def decode(codes: np.ndarray) -> np.ndarray:
        return run.decode(codes, test.labels if run.model.conditional else None)

    codes, train_codes = run.encode(test.images), run.encode(train)
    own = errors_by_bits(decode, codes, train_codes, test.images, BITS)
    mse = own.mean(1).tolist()
    row: Own = {"code_size": size, "mse": mse, "psnr_db": [psnr(v) for v in mse]}
    if size < min(test.images[0].size, len(train)):
        pca = _pca_errors_by_bits(train, test.images, size)
        row["gain_db"] = gains({size: own}, {size: pca})[size]
    bottleneck = run.model.module.bottleneck
    if bits := bottleneck.bits:
        coded = entropy(codes, train_codes, bottleneck.joint, round(2 ** (bits * bottleneck.joint)))
        row["quantized"] = of_quantized(own[-1], size * bits, coded, train, test.images)
    return row


def of_quantized(
    errors: np.ndarray, bits: float, coded: float, train: np.ndarray, test: np.ndarray
) -> Coded:
    """Squared errors per pixel [n] of codes of so many bits, beside the best of PCA.

    `coded` are those that an entropy coder takes.
    """
    most = min(test[0].size, len(train) - 1)
    ways = [(b, min(int(bits // b), most)) for b in range(1, 9) if b <= bits]
    pca = [_pca_errors_by_bits(train, test, k, [b])[0] for b, k in ways]
    best = min(pca, key=np.mean)
    gain = judging.decibels(errors, best)
    return {
        "bits": bits,
        "entropy_bits": coded,
        "mse": float(errors.mean()),
        "pca_mse": float(best.mean()),
        "gain_db": gain,
    }


def _shown(images: np.ndarray, family: dict[int, Run], train: np.ndarray) -> Shown:
    decoded = {
        k: run.decode(quantize(run.encode(images), run.encode(train), SHOWN_BITS))
        for k, run in family.items()
    }
    encode, decode = pca_codec(train, max(family))
    pca = decode(encode(images)).reshape(images.shape)
    return Shown(images, decoded, (max(family), pca))


def judge(numbers: Numbers, control: Control) -> str:
    """At how many sizes the autoencoders win, for each number of bits, and by how much.

    Only those can win that are better than the mean image, which takes no bits.
    """
    sizes, bits = list(numbers["gain_db"]), numbers["bits"]
    blank = control["mean_image_mse"]
    words = []
    for i, b in reversed(list(enumerate(bits))):
        sign = {k: judging.beyond(Estimate(*numbers["gain_db"][k][i])) for k in sizes}
        won = sum(sign[k] > 0 and numbers["mse"][k][i] < blank for k in sizes)
        lost = sum(s < 0 for s in sign.values())
        how = "not quantized" if b >= 32 else f"{b:.0f} bits"
        words.append(f"{how} {won}" + (f" (PCA {lost})" if lost else ""))
    k, i = sizes[-1], bits.index(8)
    gain = Estimate(*numbers["gain_db"][k][i])
    smaller = control["image_bits"] / (8 * int(k))
    return (
        f"of {len(sizes)} sizes the nonlinear code wins over PCA {', '.join(words)}; "
        f"{k} numbers of 8 bits ({smaller:.1f} times smaller): {numbers['psnr_db'][k][i]:.1f} dB, "
        f"{gain.text(digits=2, sign=True)} over PCA{_run_words(numbers['run'], blank)}"
    )


def _run_words(row: Own, blank: float) -> str:
    words, size = "", row["code_size"]
    if (gains := row.get("gain_db")) is not None:
        words = _against_pca(Estimate(*gains[-1]), row["mse"][-1] < blank, f"{size:.0f} numbers")
    if (coded := row.get("quantized")) is not None:
        gain, works = Estimate(*coded["gain_db"]), coded["mse"] < blank
        words += _against_pca(gain, works, f"{coded['bits']:.3g} bits an image")
        words += f", {coded['entropy_bits']:.3g} bits by an ideal entropy coder"
    return words


def _against_pca(gain: Estimate, works: bool, of: str) -> str:
    who = judging.verdict("the run", "PCA", gain, works)
    return f"; {who} at its {of} ({gain.text(digits=2, sign=True)} dB)"


def draw(measured: Measured[Numbers, Control, Shown]) -> dict[str, Any]:
    """PSNR by size and by bits; 'images', what is left of some."""
    numbers, control, shown = measured
    rows = {"original": shown.images}
    rows |= {f"{k} numbers, {SHOWN_BITS} bits": v for k, v in shown.decoded.items()}
    components, images = shown.pca
    rows[f"PCA, {components}"] = images
    return {
        "": line_panels([_by_size(numbers, control), _by_bits(numbers, control)], "Compression"),
        "images": image_rows(rows, "Test images after compression"),
    }


def _by_size(numbers: Numbers, control: Control) -> Panel:
    found, pca, own = numbers["psnr_db"], control["pca_psnr_db"], numbers["run"]
    sizes = list(found)
    lines = {
        "autoencoders": (sizes, [found[k][-1] for k in sizes]),
        "PCA": (sizes, [pca[k][-1] for k in sizes]),
        "the run": ([own["code_size"]], [own["psnr_db"][-1]]),
    }
    axes = ("Not quantized", "numbers in the code", "test PSNR (dB)")
    return Panel(*axes, lines, ["PCA"], log_x=True, ticks=sizes)


def _by_bits(numbers: Numbers, control: Control) -> Panel:
    lines = {
        f"{name}, {bits} bits": ([k * bits for k in table], [row[i] for row in table.values()])
        for name, table in (("autoencoder", numbers["psnr_db"]), ("PCA", control["pca_psnr_db"]))
        for i, bits in enumerate(numbers["bits"][:-1])
    }
    axes = ("Quantized", "bits an image", "test PSNR (dB)")
    return Panel(*axes, lines, log_x=True, ticks=(4, 16, 64, 256))


APPLICATION = Application(measure, judge, draw)
"""Autoencoders of five code sizes, and the run, against PCA.

The five have 256 hidden units either way and are trained for about 1,000 x effort steps on all
training images. PCA and the quantizers' ranges are of the study's training images, the errors of
its test images.

Raises:
  NotApplicable: the data are not images of 8 x 8 pixels or more.
"""
