"""What a user's own choices give for a batch, before anything is trained: shapes, nothing computed.

The package's own choices have tests of their own; these functions have been seen by nobody.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from ae_jax.errors import ConfigError
from ae_jax.model.pipeline import Batch
from ae_jax.objective import losses
from ae_jax.objective.objective import Objective

N = 2  # examples in a batch
Shape = tuple[int, ...]


def check(objective: Objective, code_size: int, own: list[str]) -> None:
    """Follows a batch through the slots in their order.

    Args:
      objective: of which the model and the penalties are looked at.
      code_size: `model.code_size`.
      own: what was registered here, as "corruption 'speckle'".

    Raises:
      ConfigError: a slot's choice fails, or what it gives has another shape than the slot's.
    """
    model = objective.model
    images, rows = (N, *model.shape), (N, model.module.bottleneck.numbers * code_size)
    batch = jax.eval_shape(lambda: Batch(jnp.zeros(images), jnp.zeros(N, jnp.int32)))
    x, key = batch.x, jax.eval_shape(partial(jax.random.key, 0))
    mean = jax.ShapeDtypeStruct(model.shape, jnp.float32)
    networks = [name for name in own if name.split(" ")[0] in ("encoder", "bottleneck", "decoder")]

    corrupted = _given("corruption", images, model.corrupt, key, x)
    of_model = _run(" or ".join(networks) or "the network", model.init, key, mean)
    _given("encoder", rows, partial(model.apply, train=False, method="encode"), of_model, x)
    z = _given("bottleneck", (N, code_size), model.encode, of_model, x)
    decode = partial(model.apply, method="decode")
    _given("decoder", images, lambda v, z, labels: decode(v, z, False, labels),
           of_model, z, batch.labels)  # fmt: skip
    forward = partial(model.apply, train=True, mutable=["batch_stats"])
    p, _ = _run("a pass in training", lambda *a: forward(*a), of_model, batch, corrupted, key)
    costs = _run("loss", objective.reconstruction, p)
    _check("loss", costs.shape, (N, math.prod(model.shape)), images)
    _given("loss", (N,), losses.total, p, costs)
    variables = _run("penalty", objective.init, of_model, key)
    for name in objective.penalties:
        values = partial(objective.penalty, name, train=True)
        found, _ = _run(f"penalty '{name}'", values, p, variables, key)
        _check(f"penalty '{name}'", found.shape, (N,))


def _given(slot: str, shape: Shape, function: Callable[..., Any], *given: Any) -> Any:
    """What function(*given) is like, which must have the shape."""
    found = _run(slot, function, *given)
    _check(slot, found.shape, shape)
    return found


def _run(slot: str, function: Callable[..., Any], *given: Any) -> Any:
    """`jax.eval_shape`, whose failures are those of the slot."""
    try:
        return jax.eval_shape(function, *given)
    except ConfigError:
        raise
    except Exception as error:  # of any kind: it is the user's own function
        why = str(error).strip().partition("\n")[0]
        raise ConfigError(
            f"{slot}: fails for {N} examples: {type(error).__name__}: {why}"
        ) from error


def _check(slot: str, found: Shape, *allowed: Shape) -> None:
    if found not in allowed:
        listed = " or ".join(map(str, map(list, allowed)))
        raise ConfigError(f"{slot}: gives {list(found)} for {N} examples; must give {listed}")
