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
# # Your own train step in twenty lines
#
# `fit` is a loop around pure functions, which can be called without it: `model.init`,
# `model.apply`, `objective` (the loss and its terms) and `optimizer` (an optax update rule).

# %%
import jax
import numpy as np
import optax

import ae_jax
from ae_jax.model import pipeline, scaling
from ae_jax.objective import objective as objectives
from ae_jax.optimizer.build import build

data = ae_jax.load_data("mnist5k")
config = ae_jax.load_config("undercomplete", **{"train.epochs": 20, "train.drop_remainder": True})
data

# %% [markdown]
# From here on nothing but these functions is used. The key of a step draws its noise.

# %%
x_train = scaling.to_network(data.train.images, config.data.scale)  # [4000, 28, 28, 1]
size, steps = config.train.batch_size, len(x_train) // config.train.batch_size
model = pipeline.build(config, x_train.shape[1:])
objective = objectives.build(config, model)
optimizer = build(config, steps)
params = model.init(jax.random.key(0))["params"]
state = optimizer.init(params)


@jax.jit
def step(params, state, x, key):
    def loss_of(params):
        return objective({"params": params}, pipeline.Batch(x), key, train=True)[0]

    loss, gradients = jax.value_and_grad(loss_of)(params)  # any other gradient may stand here
    updates, state = optimizer.update(gradients, state, params)
    return optax.apply_updates(params, updates), state, loss


for epoch in range(config.train.epochs):
    order = np.random.default_rng(epoch).permutation(len(x_train))[: steps * size]
    for i, rows in enumerate(order.reshape(steps, size)):
        key = jax.random.fold_in(jax.random.key(1), epoch * steps + i)
        params, state, loss = step(params, state, x_train[rows], key)
print(f"loss of the last batch {loss:.5f}")

# %% [markdown]
# `model.apply` is the forward pass. After as many epochs the error is that of `fit` from the same
# config, up to what the seed decides. What `fit` adds: the statistics of BatchNorm and of penalties
# that learn, which `objective` returns beside the terms of the loss; weights that change with the
# epoch; labels; the pixels that `data.binarize` draws (`model.drawn`); several devices;
# checkpoints.

# %%
x_test = scaling.to_network(data.test.images, model.scale)
p = model.apply({"params": params}, pipeline.Batch(x_test), x_test, None, False)
mine = np.square(scaling.to_unit(p.x_hat, model.scale) - data.test.images / 255.0).mean()
runs = [ae_jax.fit(config, data, jax.random.key(seed), progress=False) for seed in range(3)]
fits = [run.score(data.test.images).mean() / data.test.images[0].size for run in runs]
print(
    f"test error per pixel: own loop {mine:.5f}, fit {min(fits):.5f} to {max(fits):.5f} (3 seeds)"
)
assert abs(mine - np.mean(fits)) < 0.05 * np.mean(fits)
runs[0]
