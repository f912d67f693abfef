# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Your own variant in twenty lines
#
# A model is a pipeline of slots: corruption, encoder, bottleneck, decoder, loss, penalties. Each
# slot is a dict of functions. A new idea is one function and one line, `ae_jax.register`; the
# package is not edited.

# %%
import jax
import jax.numpy as jnp

import ae_jax
from ae_jax import figures
from ae_jax.config.schema import NonNegative

# %matplotlib inline

# %% [markdown]
# ## A corruption
#
# Its parameters with a default become fields of the config, and their annotations are the rule they
# are checked by.


# %%
def stripes(key, x, bounds, width: NonNegative = 3.0):
    """Every image loses a horizontal stripe of `width` rows, at a height drawn for each."""
    rows = jnp.arange(x.shape[1])[None, :, None, None]
    top = jax.random.uniform(key, (len(x), 1, 1, 1)) * x.shape[1]
    return jnp.where((rows >= top) & (rows < top + width), bounds[0], x)


ae_jax.register("corruption", "stripes", stripes)

# %% [markdown]
# ## A penalty
#
# It is given the whole forward pass `p` (`x`, `h`, `z`, `x_hat`), and answers with one number an
# image.


# %%
def roughness(p, model, variables, key):
    """Mean squared difference of neighboring pixels of the reconstruction."""
    down = jnp.diff(p.x_hat, axis=1) ** 2
    across = jnp.diff(p.x_hat, axis=2) ** 2
    return down.mean((1, 2, 3)) + across.mean((1, 2, 3))


ae_jax.register("penalty", "roughness", roughness)

# %% [markdown]
# That is all: both are choices of any config now. A run that is saved keeps their names, so
# register them again before you open it elsewhere. On the command line they are known once they
# stand in the files of their slots, or where the config file registers them.

# %%
data = ae_jax.load_data("mnist5k")
config = {
    "corruption": {"name": "stripes", "width": 6.0},
    "encoder": {"hidden": (256,)},
    "decoder": {"hidden": (256,), "output": "sigmoid"},
    "model": {"code_size": 64},
    "penalties": {"roughness": {"weight": 0.01}},
    "train": {"batch_size": 256, "epochs": 40},
}
run = ae_jax.fit(config, data, jax.random.key(0), progress=False)
noisy = run.corrupt(data.test.images[:10], jax.random.key(1))
figures.denoising(noisy, run.reconstruct(noisy), data.test.images[:10] / 255.0)

# %%
for name, values in run.history.items():
    print(f"{name:<14}  {values[-1]:.4f}")

# %% [markdown]
# A value that its annotation does not allow is refused before anything is computed:

# %%
try:
    ae_jax.fit(
        {**config, "corruption": {"name": "stripes", "width": -1.0}}, data, jax.random.key(0)
    )
except ae_jax.ConfigError as error:
    print(error)

# %% [markdown]
# What a saved run could not find again is refused, with the reason: it would know no name.

# %%
try:
    ae_jax.fit({**config, "corruption": {"name": stripes}}, data, jax.random.key(0))
except ae_jax.ConfigError as error:
    print(error)
