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
# An encoder makes a code of an image, a decoder makes the image again. What makes the code worth
# having is what stands in its way: here only its size, 32 numbers for 784 pixels.
#
# Let both be matrices without a bias, $z = W x$ and $\hat x = V z$. The least squared error is then
# known (Baldi & Hornik 1989): $V W$ is the projector on the 32 leading principal directions. So
# there is a truth to compare with.

# %%
import jax
import numpy as np

import ae_jax
from ae_jax import controls, figures
from ae_jax.analysis import pca
from ae_jax.api import linear_maps

# %matplotlib inline
data = ae_jax.load_data("mnist5k")  # 5,000 real digits, no download

# %% [markdown]
# `linear` is the published setting (stochastic gradient descent). The variant `optimum` changes the
# optimiser so that the optimum is reached, and `centred` subtracts the training set's mean image:
# without it the truth is the singular value decomposition of images that are not centred, which is
# nearly, but not quite, PCA.

# %%
config = ae_jax.load_config("linear:optimum,centred")
run = ae_jax.fit(config, data, jax.random.key(0), progress=False)
run.plot_loss()

# %%
mse = run.score(data.test.images).mean() / 784
best = controls.pca_mse(data.train.images, data.test.images, 32)
mean = controls.mean_image_mse(data.train.images, data.test.images)
print(f"mse per pixel: autoencoder {mse:.5f}, PCA {best:.5f}, the mean image {mean:.5f}")
assert mse < 1.01 * best

# %% [markdown]
# The error is PCA's. Is the subspace? $VW$ should be a projector, $WV$ the identity, and the
# principal angles between what the decoder spans and what PCA spans should be zero; only the last
# are not quite, as the 32nd and the 33rd direction are worth nearly the same. The 32 axes
# themselves need not be PCA's: any invertible matrix can be slipped between encoder and decoder.

# %%
projector, identity = linear_maps(run.config, run.variables)
_, directions = controls.principal_directions(data.train.images, 32, centred=True)
angles = pca.angles(run.reconstruct(data.test.images), directions)
print(f"|VW VW - VW| = {np.abs(projector @ projector - projector).max():.4f}")
print(f"|WV - I| = {np.abs(identity - np.eye(32)).max():.4f}")
last = ", ".join(f"{angle:.1f}" for angle in angles[-3:])
print(f"principal angles in degrees: median {np.median(angles):.2f}, the last three {last}")
assert np.median(angles) < 1
figures.linear_maps(projector, identity)

# %%
run.plot_reconstructions(data.test.images[:10])

# %% [markdown]
# How large should a code be? No formula says; the error as a function of the size does. The
# notebook `sweep` has it.
