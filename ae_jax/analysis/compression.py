"""Rate and distortion: numbers in the code, bits for each of them, and what is left of the image.

Every number is rounded to 2^b evenly spaced levels between its 0.1 % and 99.9 % quantiles on the
training set. PCA of equal size goes through the same quantiser.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from ae_jax import controls
from ae_jax.analysis.finding import Finding, Study, mse
from ae_jax.evaluation import psnr
from ae_jax.figures import image_rows
from ae_jax.panels import Panel, line_panels

BITS = (2, 4, 8, 32)  # 32: as they are
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


def distortions(
    decode: Callable[[np.ndarray], np.ndarray],
    codes: np.ndarray,
    train_codes: np.ndarray,
    images: np.ndarray,
    bits: Sequence[int] = BITS,
) -> list[float]:
    """Mse per pixel in [0,1] units of decoded codes [n, k], quantised to each number of bits."""
    return [mse(decode(quantise(codes, train_codes, b)), images) for b in bits]


def pca_codec(train: Any, k: int) -> tuple[Callable[..., np.ndarray], Callable[..., np.ndarray]]:
    """(encode: images -> [n, k], decode: codes -> rows [n, D] in [0,1] units) of PCA of `train`."""
    mean, V = controls.principal_directions(controls.unit_rows(train), k, centred=True)
    return (lambda x: (controls.unit_rows(x) - mean) @ V), (lambda z: z @ V.T + mean)


def analyse(study: Study, key: jax.Array) -> Finding:
    """Autoencoders of five code sizes, and the run, against PCA.

    The five have 256 hidden units either way and are trained for about 1,000 x effort steps on all
    training images. PCA and the quantisers' ranges are of the study's training images, the errors
    of its test images.

    Returns:
      numbers: 'bits' for a number of the code; 'mse' per pixel in [0,1] units and 'psnr_db' in dB,
        each {code size: a value for each of `bits`}; 'run': {'code_size', 'mse', 'psnr_db'}.
      control: 'pca_mse' and 'pca_psnr_db' likewise; 'image_bits', of an image with 8 a pixel.

    Raises:
      NotApplicable: the data are not images of 8 x 8 pixels or more.
    """
    study.need_images()
    train, test = study.train.images, study.test.images
    pixels = test[0].size
    family = {k: run for k, run in study.family.items() if k < min(pixels, len(train))}
    found: dict[int, list[float]] = {}
    pca: dict[int, list[float]] = {}
    for k, run in family.items():
        found[k] = distortions(run.decode, run.encode(test), run.encode(train), test)
        encode, decode = pca_codec(train, k)
        pca[k] = distortions(decode, encode(test), encode(train), controls.unit_rows(test))
    run, size = study.run, study.run.config.model.code_size

    def decode_run(codes: np.ndarray) -> np.ndarray:
        labels = study.test.labels if run.config.model.classes else None
        return run.decode(codes, labels)

    own = distortions(decode_run, run.encode(test), run.encode(train), test)
    won = [k for k in family if found[k][-1] < pca[k][-1]]
    numbers = {
        "bits": BITS,
        "mse": found,
        "psnr_db": _db(found),
        "run": {"code_size": size, "mse": own, "psnr_db": [psnr(v) for v in own]},
    }
    control = {"pca_mse": pca, "pca_psnr_db": _db(pca), "image_bits": 8 * pixels}
    k = max(family)
    sentence = (
        f"the nonlinear code beats PCA at {len(won)} of {len(family)} sizes; {k} numbers of 8 bits "
        f"({8 * pixels / (8 * k):.1f} times smaller): {psnr(found[k][2]):.1f} dB, "
        f"PCA {psnr(pca[k][2]):.1f} dB"
    )
    made = {"": _chart(found, pca, size, own), "images": _images(test[:12], family, train)}
    return Finding(numbers, control, sentence, made)


def _db(table: dict[int, list[float]]) -> dict[int, list[float]]:
    return {k: [psnr(v) for v in values] for k, values in table.items()}


def _chart(found: Any, pca: Any, size: int, own: list[float]) -> Any:
    sizes = list(found)
    by_size = {
        "autoencoders": (sizes, [psnr(found[k][-1]) for k in sizes]),
        "PCA": (sizes, [psnr(pca[k][-1]) for k in sizes]),
        "the run": ([size], [psnr(own[-1])]),
    }
    by_bits = {}
    for i, bits in enumerate(BITS[:-1]):
        rate = [k * bits for k in sizes]
        by_bits[f"autoencoder, {bits} bits"] = (rate, [psnr(found[k][i]) for k in sizes])
    i = BITS.index(8)
    by_bits["PCA, 8 bits"] = ([8 * k for k in sizes], [psnr(pca[k][i]) for k in sizes])
    return line_panels(
        [
            Panel(
                "Not quantised",
                "numbers in the code",
                "test PSNR (dB)",
                by_size,
                ["PCA"],
                log_x=True,
                ticks=sizes,
            ),
            Panel(
                "Quantised",
                "bits an image",
                "test PSNR (dB)",
                by_bits,
                ["PCA, 8 bits"],
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
