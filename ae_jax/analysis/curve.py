"""Points of a known curve: what the code keeps along it and across it, and where points are moved.

Distances are in the network's scale (course notes, figures 15 to 19).
"""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from ae_jax.analysis import judge
from ae_jax.analysis.finding import Finding, Study
from ae_jax.evaluate import manifold
from ae_jax.figures.curve_charts import point_field, unrolled_curve
from ae_jax.figures.panels import Panel, line_panels
from ae_jax.run.trained import Run

PLACES, CHUNKS = 400, 10  # along the curve, and parts of it that are averaged


def figures(run: Run, curve: str, key: jax.Array) -> dict[str, Any]:
    """'field' in the plane (figures 16 and 17), 'unrolled' of a code of one number (figure 19)."""
    model, variables, name = run.model, run.variables, run.config.name
    made = {}
    if model.shape[-1] == 2:
        made["field"] = _field(run, curve, key)
    if run.config.model.code_size == 1 and model.shape[-1] == 3:
        found = manifold.unroll(model, variables, curve)
        title = f"{name}: rank correlation of code and place {found.order:.4f}"
        made["unrolled"] = unrolled_curve(
            found.points, found.codes, found.line, found.decoded, found.t, title
        )
    return made


def _field(run: Run, curve: str, key: jax.Array) -> Any:
    model, variables, corruption = run.model, run.variables, run.config.corruption
    field = manifold.vector_field(model, variables)
    if not manifold.has_best(model, corruption):
        points, _ = manifold.on_curve(model, curve)
        outputs = manifold.reconstruct(model, variables, points)
        return point_field(points, points, outputs, *field, f"{run.config.name}: moves")
    d = manifold.denoise(model, variables, curve, corruption, key)
    fine, _ = manifold.on_curve(model, curve, manifold.FINE)
    n = d.numbers(fine)
    title = (
        f"{run.config.name}, noise {corruption.sigma:g}: from {n['noisy_to_curve']:.3f} to "
        f"{n['output_to_curve']:.4f} off the curve (at best {n['best_output_to_curve']:.4f})"
    )
    best = manifold.best_field(model, curve, corruption)
    return point_field(
        d.points, d.noisy, d.outputs, *field, title, best=(d.best, best.displacement)
    )


def analyse(study: Study, key: jax.Array) -> Finding:
    """The encoder's Jacobian along the curve and across it, and what denoising comes to.

    Returns:
      numbers: 'moved_on_curve', 'jacobian_along' and what else `manifold.summary` gives.
      control: 'jacobian_across'; with Gaussian noise in the plane 'best_output_to_curve', of the
        posterior mean, and 'noisy_to_curve'.
    """
    run, name = study.run, study.data.name
    k_noise, k_figure = jax.random.split(key)
    numbers = manifold.summary(run.model, run.variables, name, run.config.corruption, k_noise)
    along, across = manifold.along_and_across(run.model, run.variables, name, PLACES)
    t = np.linspace(0, 1, PLACES)
    strengths = {"along the curve": (t, along), "across the curve": (t, across)}
    panel = Panel(
        "Sensitivity of the code", "place on the curve", "norm of the Jacobian", strengths
    )
    made = {"": line_panels([panel], f"{run.config.name}: along and across a known curve")}
    made |= figures(run, name, k_figure)
    names = ("jacobian_across", "best_output_to_curve", "noisy_to_curve")
    control = {k: numbers.pop(k) for k in names if k in numbers}
    return Finding(numbers, control, _sentence(numbers, control, along, across), made)


def _sentence(
    numbers: Mapping[str, Any], control: Mapping[str, Any], along: np.ndarray, across: np.ndarray
) -> str:
    """Neighboring places are alike, so that means over parts of the curve are what is compared."""
    parts = np.log(along / np.maximum(across, 1e-12)).reshape(CHUNKS, -1).mean(1)
    ratio = judge.mean(parts)
    low, high = (np.exp(ratio.value + i * judge.ERRORS * ratio.error) for i in (-1, 1))
    said = [
        f"{judge.verdict('along', 'across', ratio)}: the code is {np.exp(ratio.value):.2f} times "
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
