"""Points of a known curve: what the code keeps along it and across it, and where points are moved.

Distances are in the network's scale (course notes, figures 15 to 19).
"""

from typing import Any, NamedTuple, NotRequired, TypedDict, cast

import jax
import numpy as np

from ae_jax.analysis import judge as judging
from ae_jax.analysis.finding import Application, Measured, Study
from ae_jax.analysis.judge import Estimate
from ae_jax.evaluate import manifold
from ae_jax.figures.curve_charts import point_field, unrolled_curve
from ae_jax.figures.panels import Panel, line_panels
from ae_jax.run.trained import Run

PLACES, CHUNKS = 400, 10  # along the curve, and parts of it that are averaged


class Numbers(TypedDict):
    """Of `manifold.summary`, in the network's scale, and the sensitivities compared."""

    moved_on_curve: float  # mean distance by which points of the curve are moved
    jacobian_along: float  # mean norm of the encoder's Jacobian along the curve
    log_along_over_across: Estimate  # logarithm of the ratio of the norms, over parts of the curve
    moved_at_corners: NotRequired[float]  # in the plane: mean distance at the corners of the grid
    output_to_curve: NotRequired[float]  # with Gaussian noise: how far off noisy points end
    mse_over_best: NotRequired[float]  # their mse over that of the best denoiser
    code_order: NotRequired[float]  # of one code number: its rank correlation with the place


class Control(TypedDict):
    """The same across the curve, and of the best denoiser."""

    jacobian_across: float  # mean norm of the encoder's Jacobian across the curve
    best_output_to_curve: NotRequired[float]  # how far off the posterior mean ends
    noisy_to_curve: NotRequired[float]  # how far off noisy points are


class Denoised(NamedTuple):
    """What comes of noisy points, beside the best."""

    sigma: float  # of the noise, in the network's scale
    numbers: dict[str, float]  # of `manifold.Denoised`
    best: np.ndarray  # [n, 2] where the best denoiser moves the noisy points
    best_displacement: np.ndarray  # [grid, 2]


class Moves(NamedTuple):
    """Where a run moves points of the plane."""

    points: np.ndarray  # [n, 2] of the curve
    inputs: np.ndarray  # [n, 2], noisy where there is a best denoiser
    outputs: np.ndarray  # [n, 2]
    field: manifold.Field
    denoised: Denoised | None


class Pictured(NamedTuple):
    """What the pictures of a curve show."""

    config: str
    moves: Moves | None  # of points in the plane
    unrolled: manifold.Unrolled | None  # of a code of one number, of points in space


class Shown(NamedTuple):
    """What the figures show."""

    along: np.ndarray  # [400] norm of the encoder's Jacobian at places from 0 to 1
    across: np.ndarray
    pictured: Pictured


def pictured(run: Run, curve: str, key: jax.Array) -> Pictured:
    """Where the run moves points in the plane, how a code of one number unrolls those in space."""
    model = run.model
    moves = moves_of(run, curve, key) if model.shape[-1] == 2 else None
    unrolled = None
    if run.config.model.code_size == 1 and model.shape[-1] == 3:
        unrolled = manifold.unroll(model, run.variables, curve)
    return Pictured(run.config.name, moves, unrolled)


def moves_of(run: Run, curve: str, key: jax.Array) -> Moves:
    """Of points of the curve, or of noisy ones where the best denoiser is known."""
    model, variables, corruption = run.model, run.variables, run.config.corruption
    field = manifold.vector_field(model, variables)
    if not manifold.has_best(model, corruption):
        points, _ = manifold.on_curve(model, curve)
        outputs = manifold.reconstruct(model, variables, points)
        return Moves(points, points, outputs, field, None)
    d = manifold.denoise(model, variables, curve, corruption, key)
    fine, _ = manifold.on_curve(model, curve, manifold.FINE)
    best = manifold.best_field(model, curve, corruption)
    denoised = Denoised(corruption.sigma, d.numbers(fine), d.best, best.displacement)
    return Moves(d.points, d.noisy, d.outputs, field, denoised)


def figures(run: Run, curve: str, key: jax.Array) -> dict[str, Any]:
    """'field' in the plane (figures 16 and 17), 'unrolled' of a code of one number (figure 19)."""
    return drawn(pictured(run, curve, key))


def drawn(found: Pictured) -> dict[str, Any]:
    """The `figures` of what is pictured."""
    made = {}
    if found.moves is not None:
        made["field"] = _field(found.config, found.moves)
    if (u := found.unrolled) is not None:
        title = f"{found.config}: rank correlation of code and place {u.order:.4f}"
        made["unrolled"] = unrolled_curve(u.points, u.codes, u.line, u.decoded, u.t, title)
    return made


def _field(name: str, moves: Moves) -> Any:
    points, inputs, outputs, field, d = moves
    if d is None:
        return point_field(points, inputs, outputs, *field, f"{name}: moves")
    title = (
        f"{name}, noise {d.sigma:g}: from {d.numbers['noisy_to_curve']:.3f} to "
        f"{d.numbers['output_to_curve']:.4f} off the curve "
        f"(at best {d.numbers['best_output_to_curve']:.4f})"
    )
    best = (d.best, d.best_displacement)
    return point_field(points, inputs, outputs, *field, title, best=best)


def sensitivity(along: np.ndarray, across: np.ndarray) -> Estimate:
    """Logarithm of the ratio of two norms at places on the curve [400], with its standard error.

    Neighboring places are alike, so that means over parts of the curve are what is compared.
    """
    return judging.mean(np.log(along / np.maximum(across, 1e-12)).reshape(CHUNKS, -1).mean(1))


def measure(study: Study, key: jax.Array) -> Measured[Numbers, Control, Shown]:
    """The encoder's Jacobian along the curve and across it, and where points are moved."""
    run, name = study.run, study.data.name
    k_noise, k_figure = jax.random.split(key)
    found = manifold.summary(run.model, run.variables, name, run.config.corruption, k_noise)
    along, across = manifold.along_and_across(run.model, run.variables, name, PLACES)
    beside = {k: found.pop(k) for k in Control.__annotations__ if k in found}
    numbers = {**found, "log_along_over_across": sensitivity(along, across)}
    shown = Shown(along, across, pictured(run, name, k_figure))
    return Measured(cast(Numbers, numbers), cast(Control, beside), shown)


def judge(numbers: Numbers, control: Control) -> str:
    """Whether the code is more sensitive along the curve, and what denoising comes to."""
    ratio = Estimate(*numbers["log_along_over_across"])
    low, high = (np.exp(ratio.value + i * judging.ERRORS * ratio.error) for i in (-1, 1))
    said = [
        f"{judging.verdict('along', 'across', ratio)}: the code is {np.exp(ratio.value):.2f} times "
        f"({low:.2f} to {high:.2f}) as sensitive to moves along the curve as across it",
        f"points of the curve move by {numbers['moved_on_curve']:.3f}",
    ]
    if "output_to_curve" in numbers:
        said.append(
            f"noisy points, {control['noisy_to_curve']:.3f} off the curve, end "
            f"{numbers['output_to_curve']:.4f} off it, with the best denoiser "
            f"{control['best_output_to_curve']:.4f}"
        )
    if "code_order" in numbers:
        said.append(f"rank correlation of code and place {numbers['code_order']:.4f}")
    return "; ".join(said)


def draw(measured: Measured[Numbers, Control, Shown]) -> dict[str, Any]:
    """Both sensitivities on the curve, and `figures`."""
    shown = measured.shown
    t = np.linspace(0, 1, len(shown.along))
    strengths = {"along the curve": (t, shown.along), "across the curve": (t, shown.across)}
    panel = Panel(
        "Sensitivity of the code", "place on the curve", "norm of the Jacobian", strengths
    )
    title = f"{shown.pictured.config}: along and across a known curve"
    return {"": line_panels([panel], title), **drawn(shown.pictured)}


APPLICATION = Application(measure, judge, draw)
"""The encoder's Jacobian along a known curve and across it, and what denoising comes to.

Nothing is trained. With Gaussian noise in the plane the best denoiser is known, the posterior mean.
"""
