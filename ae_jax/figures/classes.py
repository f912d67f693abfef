"""Points in the colors and shapes of their classes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ae_jax.figures.charts import _TEN

SHAPES = "os^Dv<>PXp"
MOST = 40  # classes that are told apart
OTHERS = ("#999999", ".")  # the look of the rarest, where there are more
IN_A_COLUMN = 20  # of a legend
PARTS = 10  # in which points are drawn: no class lies over all the others


class Classes(NamedTuple):
    """What points [n] are, by name; a class's look is (color, shape)."""

    names: list[str]
    rank: np.ndarray  # [n], into names
    looks: list[tuple[str, str]]


def classes(labels: np.ndarray, names: Sequence[str] = ()) -> Classes | None:
    """The classes of labels [n], called by `names` 0, 1 ... if there are any.

    Ten colors, then the same colors in other shapes. Of more than MOST classes the rarest are one,
    'others'. None where labels are no classes: not whole, or more than MOST without names.
    """
    kinds, rank = np.unique(labels, return_inverse=True)
    if not len(kinds) or not np.array_equal(kinds, np.rint(kinds)):
        return None
    if len(kinds) > MOST and not names:
        return None
    called = [names[int(kind)] if names else f"{kind:g}" for kind in kinds]
    looks = [(_TEN[i % 10], SHAPES[(i + i // 10) % 10]) for i in range(min(len(called), MOST))]
    if len(called) > MOST:
        common = np.sort(np.argsort(-np.bincount(rank), kind="stable")[: MOST - 1])
        place = np.full(len(called), MOST - 1)
        place[common] = np.arange(MOST - 1)
        called, rank = [*(called[i] for i in common), "others"], place[rank]
        looks[-1] = OTHERS
    return Classes(called, rank, looks)


def scatter(axes: Any, points: np.ndarray, of: Classes, size: float = 16.0) -> None:
    """Draws points [n, 2] or [n, 3], which should be in an order that says nothing."""
    flat = {"depthshade": False} if points.shape[1] == 3 else {}  # shades would be other colors
    for part in np.array_split(np.arange(len(points)), PARTS):
        for i, (color, shape) in enumerate(of.looks):
            mine = points[part[of.rank[part] == i]]
            if len(mine):
                axes.scatter(*mine.T, s=size, color=color, marker=shape, alpha=0.8, lw=0, **flat)


def legend(axes: Any, of: Classes, where: Any, **options: Any) -> None:
    """A legend of all classes with the method `where.legend`, of a figure or of axes."""
    none: list[list[float]] = [[]] * (3 if hasattr(axes, "get_zlim") else 2)
    handles = [
        axes.scatter(*none, s=30, color=color, marker=shape, label=name)
        for name, (color, shape) in zip(of.names, of.looks, strict=True)
    ]
    columns = -(-len(of.names) // IN_A_COLUMN)
    where.legend(handles, of.names, title="label", ncols=columns, **options)
