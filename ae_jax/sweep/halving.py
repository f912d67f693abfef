"""Successive halving: many points for a few epochs, the better ones for more.

Jamieson & Talwalkar 2016, "Non-stochastic best arm identification and hyperparameter optimization"
(AISTATS). After each rung the best 1 / reduction of the points go on, from where they are.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple


class Rung(NamedTuple):
    """A part of the search."""

    points: int  # that take part
    epochs: int  # for which each has been trained at its end, those before counted


def rungs(points: int, epochs: int, reduction: int) -> list[Rung]:
    """R + 1 rungs, the largest R with reduction^R <= points and <= epochs.

    Rung r has floor(points / reduction^r) points and ends after ceil(epochs / reduction^(R - r))
    epochs: all but a share of the points are out before the last, and each rung costs about the
    same.
    """
    last = 0
    while reduction ** (last + 1) <= min(points, epochs):
        last += 1
    return [
        Rung(points // reduction**r, -(-epochs // reduction ** (last - r))) for r in range(last + 1)
    ]


def best(losses: Mapping[int, float], keep: int) -> list[int]:
    """The `keep` keys of lowest loss, in order of their keys; what is not finite is the worst.

    Of equal losses the one with the lower key counts as better.
    """
    ranked = sorted(losses, key=lambda k: (not math.isfinite(losses[k]), losses[k], k))
    finite = [k for k in ranked if math.isfinite(losses[k])]
    return sorted(finite[:keep] or ranked[:1])
