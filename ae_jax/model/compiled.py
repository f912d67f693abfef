"""Compiled functions of models, of the last few that were used alone."""

from collections.abc import Callable, Hashable
from functools import lru_cache, partial
from typing import Any

import jax

KEPT = 32  # functions; what falls out is compiled again when it is needed


@lru_cache(maxsize=KEPT)
def compiled(function: Callable[..., Any], *fixed: Hashable) -> Callable[..., Any]:
    """`jax.jit` of function(*fixed, ...): one function for equal arguments, so it compiles once."""
    return jax.jit(partial(function, *fixed))
