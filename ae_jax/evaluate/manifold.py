"""Data on a known curve: how far a model moves points, and its Jacobian along and across the curve.

Points are images of one pixel, [n, 1, 1, dimensions]. Distances are in the scale of the network, so
in [-1,1] units for `data.scale = 'sym'` (course notes, figures 15 to 19). The curve is known, and
so is its best denoiser; a network is compared with it.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import spearmanr

from ae_jax.config.sections import Corruption
from ae_jax.data.synthetic import helix_curve, spiral_curve
from ae_jax.evaluate.posterior import posterior_mean, to_curve
from ae_jax.model import scaling
from ae_jax.model.pipeline import Batch, Model, Variables

CURVES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "spiral": spiral_curve,
    "curve3d": helix_curve,
}
FINE, NODES = 20_000, 4_000  # points that stand for the curve: for distances, for integrals
SIDE = 101  # of a grid on which ridges between the branches can be seen


class Field(NamedTuple):
    """Displacement r(x) - x on a grid of the plane."""

    grid: np.ndarray  # [side * side, 2]
    displacement: np.ndarray  # [side * side, 2]

    @property
    def at_corners(self) -> float:
        """Mean distance traveled from the four corners."""
        corners = ((self.grid == self.grid.min(0)) | (self.grid == self.grid.max(0))).all(1)
        return float(np.linalg.norm(self.displacement[corners], axis=1).mean())


class Denoised(NamedTuple):
    """Points of the curve, their noisy copies, the outputs for these, and the best there are.

    All [n, 2], in the network's scale; `best` is the posterior mean E[x | x~].
    """

    points: np.ndarray
    noisy: np.ndarray
    outputs: np.ndarray
    best: np.ndarray

    def numbers(self, curve: np.ndarray) -> dict[str, float]:
        """Mean distances of the three from the curve [m, 2], and squared error over the best's."""
        error, least = (np.square(x - self.points).mean() for x in (self.outputs, self.best))
        return {
            "noisy_to_curve": float(to_curve(self.noisy, curve).mean()),
            "output_to_curve": float(to_curve(self.outputs, curve).mean()),
            "best_output_to_curve": float(to_curve(self.best, curve).mean()),
            "mse_over_best": float(error / least),
        }


def reconstruct(model: Model, variables: Variables, points: np.ndarray) -> np.ndarray:
    """r(x) for points [n, dimensions] in the network's scale."""
    x = jnp.asarray(points, jnp.float32).reshape(-1, *model.shape)
    return np.asarray(model.run(variables, Batch(x), None).x_hat).reshape(len(x), -1)


def vector_field(model: Model, variables: Variables, side: int = SIDE) -> Field:
    """r(x) - x on a square grid between the bounds of the network's scale (figure 17)."""
    grid = _grid(model, side)
    return Field(grid, reconstruct(model, variables, grid) - grid)


def best_field(model: Model, curve: str, corruption: Corruption, side: int = SIDE) -> Field:
    """`vector_field` of the posterior mean."""
    grid = _grid(model, side)
    points, _ = on_curve(model, curve, NODES)
    return Field(grid, posterior_mean(grid, points, corruption.sigma, corruption.lowest) - grid)


def _grid(model: Model, side: int) -> np.ndarray:
    t = np.linspace(*scaling.BOUNDS[model.scale], side)
    return np.stack(np.meshgrid(t, t), -1).reshape(-1, 2)


def has_best(model: Model, corruption: Corruption) -> bool:
    """Whether the best denoiser is known: points of the plane, Gaussian noise."""
    return model.shape[-1] == 2 and corruption.name == "gaussian" and corruption.sigma > 0


def denoise(
    model: Model,
    variables: Variables,
    curve: str,
    corruption: Corruption,
    key: jax.Array,
    n: int = 400,
) -> Denoised:
    """n points along the curve through the run's own noise, the network and the best denoiser.

    `corruption` is the config's section, for which `has_best` must hold.
    """
    points, _ = on_curve(model, curve, n)
    x = jnp.asarray(points, jnp.float32).reshape(-1, *model.shape)
    noisy = np.asarray(model.corrupt(key, x), np.float64).reshape(n, -1)
    nodes, _ = on_curve(model, curve, NODES)
    best = posterior_mean(noisy, nodes, corruption.sigma, corruption.lowest)
    return Denoised(points, noisy, reconstruct(model, variables, noisy), best)


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


class Unrolled(NamedTuple):
    """A curve and its one code: places t in [0,1], points, codes, and the curve they decode to."""

    t: np.ndarray  # [n]
    points: np.ndarray  # [n, dimensions], in the network's scale
    codes: np.ndarray  # [n]
    line: np.ndarray  # [m] codes from a half of their range below to a half above it
    decoded: np.ndarray  # [m, dimensions]

    @property
    def order(self) -> float:
        """|Spearman's correlation| of code and place: 1 where the curve is unrolled."""
        return abs(float(spearmanr(self.t, self.codes).statistic))


def unroll(model: Model, variables: Variables, curve: str, n: int = 400) -> Unrolled:
    """The code of every point of the curve, and what codes decode to; code_size 1 (figure 19)."""
    points, _ = on_curve(model, curve, n)
    x = jnp.asarray(points, jnp.float32).reshape(-1, *model.shape)
    codes = np.asarray(model.encode(variables, x))[:, 0]
    beyond = np.ptp(codes) / 2
    line = np.linspace(codes.min() - beyond, codes.max() + beyond, 2 * n, dtype=np.float32)
    decoded = np.asarray(model.decode(variables, jnp.asarray(line)[:, None])).reshape(2 * n, -1)
    return Unrolled(np.linspace(0, 1, n), points, codes, line, decoded)


def summary(
    model: Model, variables: Variables, curve: str, corruption: Corruption, key: jax.Array
) -> dict[str, float]:
    """The numbers of the figures: distances traveled, and the Jacobian's two strengths.

    Means over the curve: `moved_on_curve` of ||r(x) - x||, `jacobian_along` and `jacobian_across`
    of what `along_and_across` gives; in the plane also `moved_at_corners`, see `Field`, and with
    Gaussian noise (drawn from `key`) `Denoised.numbers`; of a code of one number `code_order`, see
    `Unrolled`.
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
    if has_best(model, corruption):
        fine, _ = on_curve(model, curve, FINE)
        numbers |= denoise(model, variables, curve, corruption, key, NODES).numbers(fine)
    if model.encode(variables, jnp.zeros((1, *model.shape))).shape[1] == 1:
        numbers["code_order"] = unroll(model, variables, curve).order
    return numbers
