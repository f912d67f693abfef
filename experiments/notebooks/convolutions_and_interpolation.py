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
# # Convolutions, and walking between two digits
#
# Strided convolutions down, transposed convolutions up, with and without BatchNorm, which makes
# the loss fall far faster. Then the classic picture: halfway between two images is two ghosts,
# halfway between their codes is a third digit.

# %%
import jax
import numpy as np

import ae_jax
from ae_jax import figures
from ae_jax.analysis import interpolation

# %matplotlib inline
BATCH = 100  # divides the 4,000 training images: no second program for a smaller last batch
data = ae_jax.load_data("mnist5k")
runs = {
    name: ae_jax.fit(
        ae_jax.load_config(name, **{"train.batch_size": BATCH, "train.epochs": 5}),
        data,
        jax.random.key(0),
        progress=False,
    )
    for name in ("conv_strided", "conv_strided:batchnorm")
}
mse = {name: run.score(data.test.images).mean() / 784 for name, run in runs.items()}
for name, value in mse.items():
    print(f"{name:<22}  mse per pixel {value:.4f}")
assert mse["conv_strided:batchnorm"] < mse["conv_strided"]

# %% [markdown]
# For the walk a variational autoencoder: its codes fill the space, so that no holes are left
# between the digits.

# %%
run = ae_jax.fit(
    ae_jax.load_config("vae", **{"train.batch_size": BATCH, "train.epochs": 12}),
    data,
    jax.random.key(0),
    progress=False,
)
a = data.test.images[np.flatnonzero(data.test.labels == 3)[0]] / 255.0
b = data.test.images[np.flatnonzero(data.test.labels == 8)[0]] / 255.0
t = np.linspace(0, 1, 10)[:, None, None, None]
rows = {"pixels": (1 - t) * a + t * b, "codes": run.interpolate(a, b, 10)}
figures.image_rows(rows, "From one digit to another")

# %% [markdown]
# How far is each step from the nearest training image? Ghosts are far from everything.

# %%
distances = {n: interpolation.nearest_distance(x, data.train.images) for n, x in rows.items()}
for name, distance in distances.items():
    print(f"{name:<6}" + "".join(f"{d:5.1f}" for d in distance))
assert distances["codes"][4:6].mean() < distances["pixels"][4:6].mean()
