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
# # What is in a code, and noise on it
#
# A code of two numbers can be drawn. A code of 128 that loses 80 % of its numbers at every step
# (dropout on the code) has to say everything several times.

# %%
import jax
import numpy as np

import ae_jax
from ae_jax import figures

# %matplotlib inline
BATCH = 250  # divides the 4,000 training images: no second program for a smaller last batch
data = ae_jax.load_data("mnist5k")
two = ae_jax.fit(
    ae_jax.load_config("dropout:two", **{"train.batch_size": BATCH, "train.epochs": 30}),
    data,
    jax.random.key(0),
    progress=False,
)
two.plot_codes(data.test.images, data.test.labels)

# %% [markdown]
# Nobody told it what a digit is. What the plane between the classes decodes to, laid out as above
# (each row is one $z_1$, $z_0$ grows to the right):

# %%
low, high = np.quantile(two.encode(data.train.images), [0.05, 0.95], axis=0)
grid = np.stack(np.meshgrid(*np.linspace(low, high, 7).T), -1)
figures.image_rows({f"{row[0, 1]:.1f}": two.decode(row) for row in grid[::-1]}, "Decoded codes")

# %% [markdown]
# ## Dropout on the code

# %%
epochs = {"train.batch_size": BATCH, "train.epochs": 12}
runs = {
    "dropout 0.8": ae_jax.load_config("dropout", **epochs),
    "none": ae_jax.load_config("dropout", **epochs, **{"bottleneck.rate": 0.0}),
}
runs = {
    name: ae_jax.fit(config, data, jax.random.key(0), progress=False)
    for name, config in runs.items()
}

# %% [markdown]
# Take numbers away from the codes of test images, and see how much of the image is lost: the mse
# per pixel, by the share that is taken away.

# %%
clean = data.test.images / 255.0
shares = [0.0, 0.25, 0.5, 0.75]
random = np.random.default_rng(0)
at_worst = {}
print(f"{'':<11}" + "".join(f"{share:8.0%}" for share in shares))
for name, run in runs.items():
    codes = run.encode(data.test.images)
    lost = []
    for share in shares:
        kept = random.random(codes.shape) >= share
        images = run.decode(codes * kept / (1 - share))
        lost.append(float(((images - clean) ** 2).mean()))
    print(f"{name:<11}" + "".join(f"{mse:8.4f}" for mse in lost))
    at_worst[name] = lost[-1]
assert at_worst["dropout 0.8"] < at_worst["none"] / 2

# %% [markdown]
# The network that had to say everything several times hardly notices; the other one, better while
# nothing is missing, falls apart.
#
# ## Noise on the input instead
#
# The same network with pixels set to black at random (masking noise), and 32 numbers:

# %%
run = ae_jax.fit(
    ae_jax.load_config("dropout:denoise", **epochs), data, jax.random.key(0), progress=False
)
noisy = run.corrupt(data.test.images[:10], jax.random.key(1))
figures.denoising(noisy, run.reconstruct(noisy), data.test.images[:10] / 255.0)
