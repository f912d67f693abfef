"""Random keys, as users give them."""

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from ae_jax.errors import ConfigError
from ae_jax.inputs.checks import count

Key = jax.Array | np.ndarray | int  # what users may give; see `as_key`


def as_key(key: ArrayLike) -> jax.Array:
    """One typed key of a `jax.random.key`, an old `jax.random.PRNGKey`, or a whole number.

    Raises:
      ConfigError: something else, several keys, or a number outside [0, 2^31).
    """
    if isinstance(key, jax.Array | np.ndarray) and key.ndim:
        if key.shape == (2,) and key.dtype == np.uint32:
            return jax.random.wrap_key_data(jnp.asarray(key))
    elif isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        return key
    elif not isinstance(key, float) and np.ndim(key) == 0:
        seed = count("key", np.asarray(key) if isinstance(key, jax.Array) else key)
        if seed < 2**31:
            return jax.random.key(seed)
    said = f"shape {list(key.shape)}" if hasattr(key, "shape") else repr(key)[:60]
    raise ConfigError(f"key: must be one jax.random.key, or a whole number < 2^31, not {said}")
