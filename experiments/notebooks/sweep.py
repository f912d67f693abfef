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
# # A sweep in one program
#
# Two code sizes and two seeds are four trainings. They differ in numbers only, so one compiled
# program can train all of them: `vmap` over the members, one device a member, or one after another,
# whichever a short measurement finds fastest; trainings that would be over before the other two
# were compiled, as these may be, go one after another. A smaller code is the largest one under a
# mask.
#
# The command does this: `python -m experiments.sweep --config=undercomplete
# --grid='model.code_size=2,8' --seeds=2`. Here is what it is made of.

# %%
import jax
import numpy as np

import ae_jax
from ae_jax.evaluate import baselines
from ae_jax.figures.sweep_chart import sweep_curve
from ae_jax.sweep import autotune, ensemble, members
from experiments.sweeping import grid as sweep_grid

# %matplotlib inline
data = ae_jax.load_data("mnist5k")
grid = sweep_grid.parse("model.code_size=2,8")
fields = {
    "encoder.hidden": (128,),
    "encoder.code_activation": "linear",
    "decoder.hidden": (128,),
    "optim.learning_rate": 3e-3,
    "train.epochs": 30,
}
found = sweep_grid.members("undercomplete", fields, grid, 2)
(group,) = members.groups(found)
print(f"{len(group.seeds)} members, one program")

# %%
chosen, programs, milliseconds = autotune.choose(group, data.train)
tried = ", ".join(f"{method} {ms:.2f}" for method, ms in milliseconds.items())
print(f"ms a member's step: {tried}; chosen: {chosen.method}")
states = ensemble.start(chosen)
for chunk in ensemble.train(chosen, states, programs):
    states = chunk.states

# %%
evaluate = ensemble.evaluator(chosen)
mse = [
    float(evaluate(i, state.variables, data.test, jax.random.key(0))["mse"])
    for i, state in enumerate(ensemble.results(chosen, states))
]
sizes = [member.point["model.code_size"] for member in found]
by_size = {k: np.mean([m for m, s in zip(mse, sizes, strict=True) if s == k]) for k in set(sizes)}
by_size = dict(sorted(by_size.items()))
pca = {k: baselines.pca_mse(data.train.images, data.test.images, k) for k in by_size}
spread = {k: np.std([m for m, s in zip(mse, sizes, strict=True) if s == k]) for k in by_size}
assert all(by_size[k] < pca[k] for k in pca)
points = [(k, by_size[k], spread[k]) for k in pca]
sweep_curve({"autoencoder": points}, "model.code_size", list(pca.items()), "Error and code size")

# %% [markdown]
# ## The same numbers as one by one
#
# A member is the run that `fit` makes with that config and that seed, up to the order of sums.

# %%
member = found[0]
alone = ae_jax.fit(
    ae_jax.load_config("undercomplete", **{**fields, **member.point}),
    data,
    jax.random.key(member.seed),
    progress=False,
)
difference = abs(alone.score(data.test.images).mean() / 784 - mse[0])
print(f"difference in mse: {difference:.1e}")
assert difference < 5e-4
