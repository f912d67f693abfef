"""Rate and distortion: numbers in the code, bits for each of them, and what is left of the image.

Every number is rounded to 2^b evenly spaced levels between its 0.1 % and 99.9 % quantiles on the
training set. PCA of equal size goes through the same quantiser.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from ae_jax.analysis import judge
from ae_jax.analysis.finding import Finding, Study, image_errors
from ae_jax.analysis.judge import Estimate
from ae_jax.evaluate import baselines
from ae_jax.evaluate.metrics import psnr
from ae_jax.figures import image_rows
from ae_jax.figures.panels import Panel, line_panels

BITS = (2, 4, 8, 32)  # 32: as they are
Table = dict[int, np.ndarray]  # code size -> squared errors [len(BITS), n]
TAIL = 0.001  # of the training codes may lie outside the quantiser's range on either side


def quantise(codes: np.ndarray, train_codes: np.ndarray, bits: int) -> np.ndarray:
    """Codes [n, k] rounded to 2^bits levels a coordinate, over the range of the training codes.

    Of those, [m, k], a thousandth lies outside the range on either side, to which codes are
    clipped. 32 bits and more leave the codes as they are.
    """
    if bits >= 32:
        return codes
    low, high = np.quantile(train_codes, [TAIL, 1 - TAIL], axis=0)
    step = np.maximum(high - low, 1e-12) / (2**bits - 1)
    level = np.rint((np.clip(codes, low, high) - low) / step)
    return (low + level * step).astype(np.float32)


def errors_by_bits(
    decode: Callable[[np.ndarray], np.ndarray],
    codes: np.ndarray,
    train_codes: np.ndarray,
    images: np.ndarray,
    bits: Sequence[int] = BITS,
) -> np.ndarray:
    """Squared error per pixel of each image [len(bits), n], of decoded codes [n, k].

    In [0,1] units; the codes are quantised to each number of bits.
    """
    rows = baselines.unit_rows(images)

    def errors(b: int) -> np.ndarray:
        found = decode(quantise(codes, train_codes, b)).reshape(rows.shape)
        return image_errors(found, rows)

    return np.stack([errors(b) for b in bits])


def pca_codec(train: Any, k: int) -> tuple[Callable[..., np.ndarray], Callable[..., np.ndarray]]:
    """(encode: images -> [n, k], decode: codes -> rows [n, D] in [0,1] units) of PCA of `train`."""
    mean, V = baselines.principal_directions(baselines.unit_rows(train), k, centred=True)
    return (lambda x: (baselines.unit_rows(x) - mean) @ V), (lambda z: z @ V.T + mean)


def pca_errors(train: Any, images: Any, k: int) -> np.ndarray:
    """Squared error per pixel of each image [n], in [0,1] units, of PCA of `train`."""
    encode, decode = pca_codec(train, k)
    return image_errors(decode(encode(images)), baselines.unit_rows(images))


def measure(found: Table, pca: Table) -> tuple[dict[str, Any], dict[str, Any]]:
    """('mse', 'psnr_db', 'gain_db'; 'pca_mse', 'pca_psnr_db') of errors {code size: [bits, n]}."""
    mse, pca_mse = ({k: v.mean(1).tolist() for k, v in t.items()} for t in (found, pca))
    gain = {k: [judge.decibels(a, b) for a, b in zip(found[k], pca[k], strict=True)] for k in found}
    numbers = {"mse": mse, "psnr_db": _db(mse), "gain_db": gain}
    return numbers, {"pca_mse": pca_mse, "pca_psnr_db": _db(pca_mse)}


def sentence(numbers: Any, control: Any) -> str:
    """At how many sizes the autoencoders win, for each number of bits, and by how much.

    Only those can win that are better than the mean image, which takes no bits.
    """
    sizes, bits = list(numbers["gain_db"]), numbers["bits"]
    blank = control["mean_image_mse"]
    words = []
    for i, b in reversed(list(enumerate(bits))):
        sign = {k: judge.beyond(Estimate(*numbers["gain_db"][k][i])) for k in sizes}
        won = sum(sign[k] > 0 and numbers["mse"][k][i] < blank for k in sizes)
        lost = sum(s < 0 for s in sign.values())
        how = "not quantized" if b >= 32 else f"{b:.0f} bits"
        words.append(f"{how} {won}" + (f" (PCA {lost})" if lost else ""))
    k, i = sizes[-1], bits.index(8)
    gain = Estimate(*numbers["gain_db"][k][i])
    smaller = control["image_bits"] / (8 * int(k))
    said = (
        f"of {len(sizes)} sizes the nonlinear code wins over PCA {', '.join(words)}; "
        f"{k} numbers of 8 bits ({smaller:.1f} times smaller): {numbers['psnr_db'][k][i]:.1f} dB, "
        f"{gain.text(digits=2, sign=True)} over PCA"
    )
    if (own := numbers["run"].get("gain_db")) is not None:
        gain = Estimate(*own[-1])
        who = judge.verdict("the run", "PCA", gain, numbers["run"]["mse"][-1] < blank)
        size = numbers["run"]["code_size"]
        said += f"; {who} at its {size:.0f} numbers ({gain.text(digits=2, sign=True)} dB)"
    return said


def analyse(study: Study, key: jax.Array) -> Finding:
    """Autoencoders of five code sizes, and the run, against PCA.

    The five have 256 hidden units either way and are trained for about 1,000 x effort steps on all
    training images. PCA and the quantisers' ranges are of the study's training images, the errors
    of its test images.

    Returns:
      numbers: 'bits' for a number of the code; 'mse' per pixel in [0,1] units and 'psnr_db' in dB,
        each {code size: a value for each of `bits`}; 'gain_db' likewise, [dB over PCA, its standard
        error] of the same images; 'run': {'code_size', 'mse', 'psnr_db' and, of a code that is
        smaller than the image, 'gain_db'}.
      control: 'pca_mse' and 'pca_psnr_db' likewise; 'mean_image_mse'; 'image_bits', of an image
        with 8 a pixel.

    Raises:
      NotApplicable: the data are not images of 8 x 8 pixels or more.
    """
    study.need_images()
    train, test = study.train.images, study.test.images
    pixels = test[0].size
    family = {k: run for k, run in study.family.items() if k < min(pixels, len(train))}
    found = {
        k: errors_by_bits(run.decode, run.encode(test), run.encode(train), test)
        for k, run in family.items()
    }
    pca = {k: _pca_errors_by_bits(train, test, k) for k in family}
    numbers, control = measure(found, pca)
    numbers |= {"bits": list(BITS), "run": _of_run(study)}
    control |= {
        "mean_image_mse": baselines.mean_image_mse(train, test),
        "image_bits": 8 * pixels,
    }
    made = {"": _chart(numbers, control), "images": _images(test[:12], family, train)}
    return Finding(numbers, control, sentence(numbers, control), made)


def _pca_errors_by_bits(train: np.ndarray, test: np.ndarray, k: int) -> np.ndarray:
    encode, decode = pca_codec(train, k)
    return errors_by_bits(decode, encode(test), encode(train), test)


def _of_run(study: Study) -> dict[str, Any]:
    """The run's own numbers, beside PCA of as many."""
    run, size = study.run, study.run.config.model.code_size
    train, test = study.train.images, study.test

    def decode(codes: np.ndarray) -> np.ndarray:
        return run.decode(codes, test.labels if run.model.conditional else None)

    own = errors_by_bits(decode, run.encode(test.images), run.encode(train), test.images)
    if size < min(test.images[0].size, len(train)):
        table, _ = measure({size: own}, {size: _pca_errors_by_bits(train, test.images, size)})
        return {"code_size": size, **{name: row[size] for name, row in table.items()}}
    mse = own.mean(1).tolist()
    return {"code_size": size, "mse": mse, "psnr_db": [psnr(v) for v in mse]}


def _db(table: dict[int, list[float]]) -> dict[int, list[float]]:
    return {k: [psnr(v) for v in values] for k, values in table.items()}


def _chart(numbers: dict[str, Any], control: dict[str, Any]) -> Any:
    found, pca, own = numbers["psnr_db"], control["pca_psnr_db"], numbers["run"]
    sizes = list(found)
    by_size = {
        "autoencoders": (sizes, [found[k][-1] for k in sizes]),
        "PCA": (sizes, [pca[k][-1] for k in sizes]),
        "the run": ([own["code_size"]], [own["psnr_db"][-1]]),
    }
    by_bits = {}
    for name, table in (("autoencoder", found), ("PCA", pca)):
        for i, bits in enumerate(BITS[:-1]):
            rate = [k * bits for k in sizes]
            by_bits[f"{name}, {bits} bits"] = (rate, [table[k][i] for k in sizes])
    return line_panels(
        [
            Panel(
                "Not quantized",
                "numbers in the code",
                "test PSNR (dB)",
                by_size,
                ["PCA"],
                log_x=True,
                ticks=sizes,
            ),
            Panel(
                "Quantized",
                "bits an image",
                "test PSNR (dB)",
                by_bits,
                log_x=True,
                ticks=(4, 16, 64, 256),
            ),
        ],
        "Compression",
    )


def _images(images: np.ndarray, family: Any, train: np.ndarray) -> Any:
    rows = {"original": images}
    for k, run in family.items():
        codes = quantise(run.encode(images), run.encode(train), 8)
        rows[f"{k} numbers, 8 bits"] = run.decode(codes)
    encode, decode = pca_codec(train, max(family))
    rows[f"PCA, {max(family)}"] = decode(encode(images)).reshape(images.shape)
    return image_rows(rows, "Test images after compression")
