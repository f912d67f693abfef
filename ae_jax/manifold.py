"""Data on a known curve: how far a model moves points, and its Jacobian along and across the curve.

Points are images of one pixel, [n, 1, 1, dimensions]; distances are in the network's scale, so in
[-1,1] units for `data.scale = 'sym'` (course notes, figures 15 to 19).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ae_jax import scaling
from ae_jax.model import Batch, Model, Variables
from ae_jax.synthetic import helix_curve, spiral_curve

CURVES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "spiral": spiral_curve,
    "curve3d": helix_curve,
}


class Field(NamedTuple):
    """Displacement r(x) - x on a grid of the plane."""

    grid: np.ndarray  # [side * side, 2]
    displacement: np.ndarray  # [side * side, 2]

    @property
    def at_corners(self) -> float:
        """Mean distance travelled from the four corners."""
        corners = ((self.grid == self.grid.min(0)) | (self.grid == self.grid.max(0))).all(1)
        return float(np.linalg.norm(self.displacement[corners], axis=1).mean())


def reconstruct(model: Model, variables: Variables, points: Any) -> np.ndarray:
    """r(x) for points [n, dimensions] in the network's scale."""
    x = jnp.asarray(points, jnp.float32).reshape(-1, *model.shape)
    return np.asarray(model.run(variables, Batch(x), None).x_hat).reshape(len(x), -1)


def vector_field(model: Model, variables: Variables, side: int = 21) -> Field:
    """r(x) - x on a square grid between the bounds of the network's scale (figure 17)."""
    t = np.linspace(*scaling.BOUNDS[model.scale], side)
    grid = np.stack(np.meshgrid(t, t), -1).reshape(-1, 2)
    return Field(grid, reconstruct(model, variables, grid) - grid)


def on_curve(model: Model, curve: str, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """(points, unit tangents) [n, dimensions] along a curve, in the network's scale."""
    low, high = scaling.BOUNDS[model.scale]
    t = np.linspace(0, 1, n)
    points = CURVES[curve](t) * (high - low) + low
    tangents = np.gradient(points, t, axis=0)
    return points, tangents / np.linalg.norm(tangents, axis=1, keepdims=True)


def along_and_across(
    model: Model, variables: Variables, curve: str, n: int = 400
) -> tuple[np.ndarray, np.ndarray]:
    """(||J t||, root mean square of ||J u|| over unit u orthogonal to t), [n] each.

    J = dh/dx is the encoder's Jacobian, t the curve's tangent: what the code keeps of a move along
    the manifold and of one away from it (figure 18).
    """
    points, tangents = on_curve(model, curve, n)
    x = jnp.asarray(points, jnp.float32)

    def code(point: jax.Array) -> jax.Array:
        image = point.reshape(1, *model.shape)
        return model.apply(variables, image, method="encode")[0]

    J = np.asarray(jax.vmap(jax.jacfwd(code))(x))  # [n, width, dimensions]
    along = np.linalg.norm(np.einsum("nwd,nd->nw", J, tangents), axis=1)
    across = np.square(J).sum((1, 2)) - along**2
    return along, np.sqrt(np.maximum(across, 0) / (points.shape[1] - 1))


def summary(model: Model, variables: Variables, curve: str) -> dict[str, float]:
    """The numbers of the figures: distances travelled, and the Jacobian's two strengths.

    Means over the curve: `moved_on_curve` of ||r(x) - x||, `jacobian_along` and `jacobian_across`
    of what `along_and_across` gives; in the plane also `moved_at_corners`, see `Field`.
    """
    points, _ = on_curve(model, curve)
    moved = np.linalg.norm(reconstruct(model, variables, points) - points, axis=1)
    along, across = along_and_across(model, variables, curve)
    numbers = {
        "moved_on_curve": float(moved.mean()),
        "jacobian_along": float(along.mean()),
        "jacobian_across": float(across.mean()),
    }
    if points.shape[1] == 2:
        numbers["moved_at_corners"] = vector_field(model, variables).at_corners
    return numbers
