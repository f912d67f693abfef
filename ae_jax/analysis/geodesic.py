"""The shortest curve in pixels whose points are all decoded codes.

It minimizes sum_i ||g(z_{i+1}) - g(z_i)||^2 over the points between the ends, the energy of a curve
under the decoder's pull-back metric (Arvanitidis et al. 2018).
"""

from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ae_jax.analysis.energy import minimize
from ae_jax.model import scaling
from ae_jax.model.pipeline import Model, Variables
from ae_jax.run.trained import Run


def shortest(run: Run, line: np.ndarray) -> np.ndarray:
    """Codes [n, steps, k] of shortest curves, found by Adam from curves of codes [n, steps, k].

    The ends stay.
    """
    start = jnp.asarray(line)
    ends = (start[:, 0], start[:, -1])
    # A step is a hundredth of the way between the ends, whatever the code's units are.
    rate = 0.01 * float(jnp.mean(jnp.abs(ends[1] - ends[0]))) + 1e-6
    found = minimize(
        curve_energy(run.model), start[:, 1:-1], data=ends, shared=run.variables, learning_rate=rate
    )
    return np.concatenate([start[:, :1], found.x, start[:, -1:]], axis=1)


@lru_cache(maxsize=8)  # the same function for the same model compiles once
def curve_energy(model: Model) -> Any:
    """f(interior points [m, k], (first, last), variables) -> sum of squared steps in pixels."""
    return partial(_curve_energy, model)


def _curve_energy(
    model: Model, inside: jax.Array, ends: jax.Array, variables: Variables
) -> jax.Array:
    points = jnp.concatenate([ends[0][None], inside, ends[1][None]])
    images = scaling.to_unit(model.decode(variables, points), model.scale)
    return jnp.sum(jnp.square(jnp.diff(images, axis=0)))


def length(images: np.ndarray) -> np.ndarray:
    """Euclidean length in pixel space of polylines [n, steps, H, W, C] -> [n]."""
    steps = np.diff(images, axis=1).reshape(len(images), images.shape[1] - 1, -1)
    return np.linalg.norm(steps, axis=2).sum(1)
