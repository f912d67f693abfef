"""What each number of a code does to an image, the numbers ordered by what they matter."""

from typing import Any, NamedTuple, TypedDict

import jax
import numpy as np

from ae_jax.analysis import judge as judging
from ae_jax.analysis.codec import pca_codec
from ae_jax.analysis.finding import Application, Measured, Study, image_errors
from ae_jax.analysis.judge import Estimate
from ae_jax.evaluate.latent import STEPS, traversal
from ae_jax.figures.panels import Panel, image_blocks, line_panels

DECODED = 20_000  # images, at most, but for 50 of each number
ROWS = 10  # numbers that are shown
TAIL = 0.01  # of the codes lie beyond either end of a traversal
LEAST = 0.01  # of the increase of the first number: one below does not count


class Numbers(TypedDict):
    """Of the run."""

    order: list[int]  # numbers of the code, from 0, the one that matters most first
    increase: list[Estimate]  # in this order; of squared error per image, summed over pixels
    counted: int  # numbers that matter
    half: int  # the fewest that have half of the sum of all increases


class Control(TypedDict):
    """Of as many numbers by PCA, for the same images."""

    increase: list[Estimate]
    counted: int
    half: int


class Shown(NamedTuple):
    """What the figures show."""

    run: str  # its config's name
    images: dict[int, np.ndarray]  # number -> [11, H, W, C]


def increases(
    decode: Any, codes: np.ndarray, images: np.ndarray, mean: np.ndarray
) -> list[np.ndarray]:
    """For each number of codes [n, k] how much the squared error of each image [n] increases.

    ||x - g(z with z_j = m_j)||^2 - ||x - g(z)||^2, summed over pixels, m [k] the mean of all codes:
    of PCA it is the square of z_j - m_j. Numbers that only matter together have nothing each.
    """
    rows, found = images.reshape(len(images), -1), []

    def errors(codes: np.ndarray) -> np.ndarray:
        return rows.shape[1] * image_errors(decode(codes).reshape(rows.shape), rows)

    whole = errors(codes)
    for j in range(codes.shape[1]):
        without = codes.copy()
        without[:, j] = mean[j]
        found.append(errors(without) - whole)
    return found


class Ordered(NamedTuple):
    """As in `Numbers`."""

    order: list[int]
    increase: list[Estimate]
    counted: int
    half: int


def ordered(found: list[np.ndarray]) -> Ordered:
    """Of the increases of each number and image."""
    each = [judging.mean(v) for v in found]
    order = sorted(range(len(each)), key=lambda j: -each[j].value)
    increase = [each[j] for j in order]
    counted = sum(judging.beyond(e, LEAST * max(increase[0].value, 0)) > 0 for e in increase)
    total = np.cumsum([max(e.value, 0) for e in increase])
    return Ordered(order, increase, counted, int(np.searchsorted(total, total[-1] / 2)) + 1)


def measure(study: Study, key: jax.Array) -> Measured[Numbers, Control, Shown]:
    """The run's numbers against PCA's; see APPLICATION."""
    study.need_images()
    run, size = study.run, study.run.config.model.code_size
    many = max(50, DECODED // size)
    some = np.asarray(jax.random.permutation(key, len(study.test.images)))[:many]
    images = study.test.images[some]
    told = np.asarray(study.need_labels()[1])[some] if run.model.conditional else None
    train_codes, codes = run.encode(study.train.images), run.encode(images)
    ours = ordered(increases(lambda z: run.decode(z, told), codes, images, train_codes.mean(0)))
    components = min(size, images[0].size, len(study.train.images))
    encode, decode = pca_codec(study.train.images, components)
    mean = encode(study.train.images).mean(0)
    theirs = ordered(increases(decode, encode(images), images, mean))
    low, high = np.quantile(train_codes, [TAIL, 1 - TAIL], axis=0)
    label = None if told is None else np.repeat(told[:1], STEPS)
    shown = {
        j: traversal(lambda z: run.decode(z, label), codes[0], j, (low[j], high[j]))
        for j in ours.order[:ROWS]
    }
    numbers: Numbers = {
        "order": ours.order,
        "increase": ours.increase,
        "counted": ours.counted,
        "half": ours.half,
    }
    control: Control = {
        "increase": theirs.increase,
        "counted": theirs.counted,
        "half": theirs.half,
    }
    return Measured(numbers, control, Shown(run.config.name, shown))


def judge(numbers: Numbers, control: Control) -> str:
    """Which number matters most, and how many matter."""
    first, theirs = (Estimate(*table["increase"][0]) for table in (numbers, control))
    return (
        f"{numbers['counted']:.0f} of {len(numbers['increase'])} numbers matter (PCA's "
        f"{control['counted']:.0f}); half of the total increase in error comes from the first "
        f"{numbers['half']:.0f} (PCA's {control['half']:.0f}). Number {numbers['order'][0]:.0f} "
        f"matters most: setting it to its mean adds {first.text(digits=2)} to the squared error "
        f"per image (PCA's {theirs.text(digits=2)})"
    )


def draw(measured: Measured[Numbers, Control, Shown]) -> dict[str, Any]:
    """One test image, a number of its code at a time moved; 'increase', of all numbers."""
    numbers, control, shown = measured
    blocks = {
        f"{j}\n+{Estimate(*e).value:.2g}": images
        for (j, images), e in zip(shown.images.items(), numbers["increase"], strict=False)
    }
    lines = {}
    for name, table in (("the run", numbers["increase"]), ("PCA", control["increase"])):
        lines[name] = (np.arange(len(table)) + 1, [Estimate(*e).value for e in table])
    axes = ("number, the one that matters most first", "increase in squared error per image")
    panel = Panel("Each number set to its mean", *axes, lines, ["PCA"])
    title = f"{shown.run}: numbers of the code, and the increase in error without each"
    return {
        "": image_blocks(blocks, title, columns=STEPS, side=56),
        "increase": line_panels([panel], shown.run),
    }


APPLICATION = Application(measure, judge, draw)
"""Each number of the run's code set to its mean over the training images, beside PCA's.

On as many test images as make 20,000 decoded ones. Traversals go from the 1 % to the 99 % quantile
of the training codes. A number matters whose increase is more than two standard errors and a
hundredth of the first one's.

Raises:
  NotApplicable: the data are not images of 8 x 8 pixels or more; the decoder is told the label, and
    the data have none.
"""
