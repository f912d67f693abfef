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
# # A linear autoencoder is PCA
#
# *Follows a blog post on the linear undercomplete autoencoder, 784-32-784 in PyTorch, the first of
# a series on representation learning by constraint (title and author are not known to us): its
# model, its training, its two heat maps, its example digit, and the 32 numbers it prints. Then the
# claim behind it, that such a network is PCA.*
#
# An encoder turns an image into a code, and a decoder turns the code back into an image. What makes
# the code worth having is whatever stands in its way. Here that is only its size, 32 numbers for
# 784 pixels: a compression by a factor of 24.5.

# %%
import jax
import numpy as np

import ae_jax
from ae_jax import figures
from ae_jax.analysis import pca
from ae_jax.evaluate import baselines
from ae_jax.model.weights import linear_maps

# %matplotlib inline
data = ae_jax.load_data("mnist5k")  # 5,000 real digits, no download
print(f"{len(data.train.images):,} training and {len(data.test.images):,} test images")
print(f"compression: {data.train.images[0].size / 32:g}")

# %% [markdown]
# ## The tutorial's training
#
# `linear` is the tutorial's setting: pixels in [-1, 1], two matrices without a bias, $z = W x$ and
# $\hat x = V z$, stochastic gradient descent with momentum 0.5, batches of 32. On 4,000 digits, 300
# epochs are the 37,500 steps that it takes on 60,000 digits in 20.

# %%
run = ae_jax.fit("linear", data, jax.random.key(0), progress=False)
run.plot_loss()

# %% [markdown]
# The tutorial ends with a test loss of 0.0010. It adds up the errors of 100 batches, each of them a
# mean already, and divides the sum by 10,000 images. Per pixel that is 0.10 in [-1, 1] units, or
# 0.025 in [0, 1] units. Ours, in all three units:

# %%
mse = run.score(data.test.images).mean() / 784
print(f"test error per pixel  {mse:.4f} in [0, 1] units, {4 * mse:.4f} in [-1, 1] units")
print(f"as the tutorial prints it  {4 * mse / 100:.4f}")

# %% [markdown]
# ## The two heat maps
#
# On the left the end-to-end map from pixels to pixels, $V W$; on the right the map from code to
# code, $W V$. For the best possible network the first is a projection and the second the identity.

# %%
figures.linear_maps(*linear_maps(run.config, run.variables), "After the tutorial's training")

# %% [markdown]
# The diagonal is there, and so is a good deal of everything else: the tutorial stops before the
# optimum. We get to it below.
#
# ## One digit and its code
#
# The tutorial's example is a one: "very clearly a 1, but not quite the same". Here it is, with one
# of each other digit.

# %%
first_of = [np.flatnonzero(data.test.labels == digit)[0] for digit in (1, 0, *range(2, 10))]
examples = data.test.images[first_of]
run.plot_reconstructions(examples)

# %% [markdown]
# These 32 numbers are all the decoder knows about that one. They are not bounded, and no single
# number means anything that a person could name.

# %%
code = run.encode(examples[:1])[0]
with np.printoptions(precision=3, suppress=True):
    print(code.reshape(4, 8))
print(f"magnitudes up to {np.abs(code).max():.1f}")

# %% [markdown]
# ## How good could it be?
#
# The least squared error is known (Baldi & Hornik 1989): $V W$ has to be the projection onto the 32
# leading principal directions. But of what? The tutorial says that its data are centered. They are
# not: scaling to [-1, 1] leaves a mean far below zero, and without a bias the network cannot make
# up for it. Its optimum is the singular value decomposition of the images as they are, which is
# nearly PCA, but not quite.

# %%
train, test = data.train.images, data.test.images
print(f"mean of the scaled pixels: {2 * baselines.unit_rows(train).mean() - 1:.2f}")
best = {
    "the mean image": baselines.mean_image_mse(train, test),
    "SVD without centering": baselines.pca_mse(train, test, 32, centred=False, scale="sym"),
    "PCA": baselines.pca_mse(train, test, 32),
}

# %% [markdown]
# Two variants go all the way. `optimum` replaces the optimizer by Adam with a falling learning
# rate, and `centred` subtracts the mean image first.

# %%
optimum, centered = (
    ae_jax.fit(name, data, jax.random.key(0), progress=False)
    for name in ("linear:optimum", "linear:optimum,centred")
)
found = {"the tutorial's training": run, "optimum": optimum, "optimum, centered": centered}
errors = {name: r.score(test).mean() / 784 for name, r in found.items()}
for name, value in (best | errors).items():
    print(f"{name:<24}  mse per pixel {value:.5f}")
assert errors["optimum"] < 1.01 * best["SVD without centering"]
assert errors["optimum, centered"] < 1.01 * best["PCA"]
assert errors["the tutorial's training"] > 1.1 * best["SVD without centering"]  # it stops early

# %% [markdown]
# The errors are those of SVD and PCA. Is the subspace? $VW$ should be a projection, $WV$ the
# identity, and the principal angles between what the decoder spans and what PCA spans should be
# zero. Only the last angles are not quite zero, because the 32nd and the 33rd direction are worth
# nearly the same.

# %%
projector, identity = linear_maps(centered.config, centered.variables)
_, directions = baselines.principal_directions(train, 32, centred=True)
angles = pca.angles(centered.reconstruct(test), directions)
print(f"|VW VW - VW| = {np.abs(projector @ projector - projector).max():.4f}")
print(f"|WV - I| = {np.abs(identity - np.eye(32)).max():.4f}")
last = ", ".join(f"{angle:.1f}" for angle in angles[-3:])
print(f"principal angles in degrees: median {np.median(angles):.2f}, the last three {last}")
assert np.median(angles) < 1
figures.linear_maps(projector, identity, "At the optimum")

# %% [markdown]
# The subspace is PCA's; the 32 axes in it are not. Slip any invertible matrix between encoder and
# decoder and the error stays the same, so nothing makes the network choose PCA's own axes. That is
# why the code above cannot be read number by number:

# %%
V = centered.variables["params"]["decoder"]["layer_0"]["kernel"]
axes = np.asarray(V) / np.linalg.norm(V, axis=1, keepdims=True)
overlap = np.abs(axes @ directions).max(1)
print(f"an axis of the code overlaps with its closest principal direction by {overlap.mean():.2f}")
assert overlap.mean() < 0.9

# %% [markdown]
# How large should a code be? The tutorial says that no formula tells. The error as a function of
# the size does: see the notebook `sweep`.
