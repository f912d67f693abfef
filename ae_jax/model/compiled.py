"""Compiled functions of models, of the last few that were used alone."""

from collections.abc import Callable, Hashable
from functools import lru_cache, partial
from typing import Any

import jax

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
