"""Compiled functions of models, of the last few that were used alone."""

import math
from collections.abc import Callable, Hashable
from functools import lru_cache, partial
from typing import Any

import jax

from ae_jax.model import platform
from ae_jax.model.pipeline import Model, Variables

PIECE_NUMBERS = 1 << 18  # of the examples of a piece: a megabyte
KEPT = 32  # functions; what falls out is compiled again when it is needed
# The numbers are the same to the bit; random numbers compile in a third of the time.
LITTLE = {"xla_backend_optimization_level": 1}


@lru_cache(maxsize=KEPT)
def compiled(function: Callable[..., Any], *fixed: Hashable) -> Callable[..., Any]:
    """`jax.jit` of function(*fixed, ...): one function for equal arguments, so it compiles once."""
    return jax.jit(partial(function, *fixed))


def once(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """`jax.jit` of what runs once: optimizing it much, on CPUs, takes longer than it saves.

    Not to be called inside another compiled function.
    """
    little = LITTLE if jax.default_backend() == "cpu" else None
    return jax.jit(function, compiler_options=little, **options)


def in_pieces(
    function: Callable[..., jax.Array], model: Model, variables: Variables, *rows: jax.Array
) -> jax.Array:
    """function(model, variables, *rows), on CPUs for one piece of the rows after another.

    What the layers make of a piece stays in the caches: a convolutional encoder takes half the time
    it takes for 1,000 digits at once. What is said of a row must not depend on the other rows.

    Args:
      function: of arrays [m, ...] to one array [m, ...].
      model: of `function`; the numbers of its examples decide how many make a piece.
      variables: of `function`.
      rows: arrays [n, ...].
    """
    n = size = len(rows[0])
    if platform.on_cpu():
        most = min(n, max(1, PIECE_NUMBERS // math.prod(model.shape)))
        size = next(m for m in range(most, 0, -1) if n % m == 0)
    if size == n:
        return function(model, variables, *rows)
    pieces = [v.reshape(-1, size, *v.shape[1:]) for v in rows]
    found: jax.Array = jax.lax.map(lambda piece: function(model, variables, *piece), pieces)
    return found.reshape(n, *found.shape[2:])
