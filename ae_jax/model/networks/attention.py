"""Attention over the places of a grid, within a network's module."""

import jax
import jax.numpy as jnp

from ae_jax.model.layers import Conv


def attended(x: jax.Array, heads: int, init_name: str) -> jax.Array:
    """W [V_i softmax(Q_i^T K_i / sqrt(d))]_i over all places of x [batch, rows, columns, features].

    Each of the `heads` i has d = features / heads numbers of a place's query, key and value
    (Vaswani et al. 2017). Q, K, V and W are 1x1 convolutions, `layer_0` and `layer_1` of the module
    that calls this.
    """
    b, h, w, c = x.shape
    made = Conv(3 * c, init_name, size=1, name="layer_0")(x)
    made = made.reshape(b, h * w, 3, heads, c // heads)
    y = jax.nn.dot_product_attention(*jnp.moveaxis(made, 2, 0))
    return Conv(c, init_name, size=1, name="layer_1")(y.reshape(b, h, w, c))
