"""Whether one row's numbers are below another's: differences at the same seeds.

What a seed decides (the order of the images, the first weights) is the same for both rows, so that
differences vary less than the numbers themselves.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from .measured import RUN, BySeed, Row, deviation

# (a row, another) of the literature, of which the first is said to have the lower number.
ORDERS = (
    ("vincent2010:sdae", "vincent2010"),
    ("vincent2010", "vincent2010:none"),
    ("rifai2011:contractive", "rifai2011"),
    ("rifai2011:gaussian", "rifai2011"),
    ("rifai2011", "rifai2011:none"),
    ("burda2016:iwae5", "burda2016"),
    ("burda2016:iwae50", "burda2016:iwae5"),
    ("burda2016:iwae50", "burda2016"),
)


class Difference(NamedTuple):
    """A number of one row minus that of another, over the seeds that both have."""

    mean: float
    deviation: float
    seeds: int
    p: float | None  # of Student's paired t-test, two-sided; None: where nothing varies

    def __str__(self) -> str:
        if self.seeds == 1:
            return f"{self.mean:+.2f} (one seed)"
        p = "" if self.p is None else f", p = {self.p:.2g}"
        return f"{self.mean:+.2f} ± {self.deviation:.2f} ({self.seeds} seeds{p})"


def lines(rows: Iterable[Row]) -> list[tuple[str, str, str]]:
    """('`a` - `b`', what, its difference) of the ORDERS whose rows were measured in the same way.

    What is compared is the first of the published numbers.
    """
    by_name = {row["name"]: row for row in rows}
    found = []
    for name, other in ORDERS:
        if name not in by_name or other not in by_name:
            continue
        what = next(iter(by_name[name]["published"]))
        one, two = (by_name[n]["measured"][RUN] for n in (name, other))
        if _alike(one, two):
            said = str(difference(one["by_seed"], two["by_seed"], what) or "-")
            found.append((f"`{name}` - `{other}`", what, said))
    return found


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether protocols differ in corruption and penalties alone, or one row is of random weights.

    Those may be of another law than the first weights of what is trained.
    """
    how = [{**run["protocol"], "config": _config(run)} for run in (one, other)]
    if how[1]["config"].get("train.epochs") == 0:
        how = [{**protocol, "config": None} for protocol in how]
    return how[0] == how[1]


def _config(run: Mapping[str, Any]) -> dict[str, Any]:
    fields = run["protocol"]["config"].items()
    return {n: v for n, v in fields if not n.startswith(("corruption.", "penalties."))}


def difference(one: BySeed, other: BySeed, number: str) -> Difference | None:
    """one - other; None where they have no seed in common."""
    seeds = [seed for seed in one if seed in other]
    values = [float(one[seed][number]) - float(other[seed][number]) for seed in seeds]
    if not values:
        return None
    return Difference(float(np.mean(values)), deviation(values), len(values), _p(values))


def _p(values: list[float]) -> float | None:
    """Of a mean difference of 0, given these differences."""
    from scipy import stats

    if len(values) < 2 or deviation(values) <= 1e-9 * max(map(abs, values)):
        return None
    return float(stats.ttest_1samp(values, 0.0).pvalue)


def sampling(percent: float, images: float) -> float:
    """Half of the 95 % interval of an error (%) that is measured on so many test images."""
    share = percent / 100
    return 100 * 1.96 * math.sqrt(share * (1 - share) / images)
