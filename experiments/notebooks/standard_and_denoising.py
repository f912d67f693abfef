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
# # Standard and denoising autoencoders, their kernels, and inpainting
#
# *Follows the second half of the course notes of Deep Learning (NYU, spring 2020), week 7-3, and
# Alfredo Canziani's notebook to it (`10-autoencoder` in github.com/Atcold/pytorch-Deep-Learning):
# the standard autoencoder, the denoising one, their kernels, and inpainting against two classical
# methods. The theory before it is in `denoising_and_contraction`.*

# %%
import jax
import numpy as np

import ae_jax
from ae_jax import figures
from ae_jax.analysis import filling, filters, missing
from ae_jax.evaluate import baselines
from ae_jax.evaluate.metrics import psnr
from ae_jax.figures.panels import filter_pair

# %matplotlib inline
data = ae_jax.load_data("mnist5k")
images = data.test.images
clean = images / 255.0

# %% [markdown]
# ## The standard autoencoder: 784-30-784
#
# Now in code. Tanh units, pixels in [-1, 1], mean squared error, Adam. The course notes show the
# reconstructions at several epochs: first blobs on a speckled background, at the end smooth and
# legible digits.

# %%
standard, frames, losses = None, {}, {}
for epochs in (1, 5, 20, 100, 300):
    config = ae_jax.load_config("undercomplete", **{"train.epochs": epochs})
    standard = ae_jax.fit(config, data, jax.random.key(0), progress=False, start=standard)
    frames[epochs] = standard.reconstruct(images[:10])
    losses[epochs] = standard.score(images).mean() / 784
figures.progress_strip(clean[:10], frames, losses)

# %%
pca = baselines.pca_mse(data.train.images, images, 30)
mean_image = baselines.mean_image_mse(data.train.images, images)
error = standard.score(images).mean() / 784
print(f"mse per pixel: autoencoder {error:.4f}, PCA with 30 components {pca:.4f}")
assert error < mean_image / 2

# %% [markdown]
# ## The denoising autoencoder: 784-500-784
#
# The same with 500 units and half of the pixels dropped, freshly at every step. The noise is an
# argument, not a state: it comes from a key that is split for every step, so the same key gives the
# same run.

# %%
denoiser = ae_jax.fit("denoise", data, jax.random.key(0), progress=False)
noisy = denoiser.corrupt(images, jax.random.key(1))
figures.denoising(noisy[:10], denoiser.reconstruct(noisy[:10]), clean[:10])

# %% [markdown]
# Is that good? The standard network has never seen damage. The best *linear* map, fitted to the
# same noise, is the baseline that counts.

# %%
linear = baselines.linear_denoiser_mse(denoiser.model, data.train.images, images, jax.random.key(2))
outputs = {
    "standard": standard.reconstruct(np.clip(noisy, 0, 1)),
    "denoising": denoiser.reconstruct(noisy),
}
errors = {name: float(((rows - clean) ** 2).mean()) for name, rows in outputs.items()}
errors["best linear map"] = linear
for name, mse in errors.items():
    print(f"{name:<15}  mse per pixel on damaged images {mse:.4f}")
assert errors["denoising"] < errors["best linear map"] < errors["standard"]

# %% [markdown]
# ## Kernels
#
# What did each learn to look at? The notebook draws the first weights as images. Pixels at the
# border are dark in every image, so nothing there is worth a weight. The standard network never
# hears of it: out there its weights stay the noise they were drawn as, with a variance of 1/(3 x
# 784) = 0.00043. The denoising network unlearns them, because dropped pixels are gray there, too.

# %%
dark = filters.dark_pixels(data.train.images)
kernels = {"standard": filters.filters_of(standard), "denoising": filters.filters_of(denoiser)}
variance = {n: filters.off_digit_variance(k, dark)["off_digit"] for n, k in kernels.items()}
for name, value in variance.items():
    print(f"{name:<9}  variance of the weights where no digit is {value:.5f}")
assert variance["denoising"] < 0.8 * variance["standard"]
filter_pair({name: k[:20] for name, k in kernels.items()}, "Kernels of the two autoencoders")

# %% [markdown]
# ## Inpainting against classical methods
#
# A denoiser of dropped pixels fills them in. So do two methods of OpenCV that know nothing about
# digits, by Telea (2004) and by Bertalmio et al. (2001, by the Navier-Stokes equations). The
# notebook compares them by eye; here is the signal-to-noise ratio on the dropped pixels of 100 test
# images. (Without OpenCV, the nearest known pixel stands in.) The last row is the best linear map
# from the known pixels to the missing ones, fitted on the training digits.

# %%
known = missing.scattered(jax.random.key(3), clean[:100].shape)
truth = clean[:100]
damaged = missing.as_trained(denoiser, known, truth)
classical = {
    name: filling.apply_each(method, truth, known) for name, method in filling.classical().items()
}
filled = {
    "autoencoder": denoiser.reconstruct(damaged),
    **classical,
    "best linear": filling.linear(known, truth, data.train.images),
}
quality = {name: psnr(missing.mse(known, truth, v)) for name, v in filled.items()}
figures.image_rows(
    {"known pixels": known[:10], "damaged": damaged[:10], "clean": truth[:10]}
    | {f"{name}, {quality[name]:.1f} dB": v[:10] for name, v in filled.items()},
    "Half of the pixels filled in",
)

# %%
best = max(quality[name] for name in classical)
print(f"the autoencoder on the better classical method: {quality['autoencoder'] - best:+.1f} dB")
print(f"on the best linear filling: {quality['autoencoder'] - quality['best linear']:+.1f} dB")
assert quality["autoencoder"] > best

# %% [markdown]
# "Our autoencoder actually does better", say the course notes, and so it does: its strokes are
# smooth and complete where the classical ones are ragged. It pays with strokes that it invents now
# and then, since it knows nothing but digits. But the comparison is kind to it: Telea and
# Navier-Stokes have never seen a digit. The best *linear* filling has seen the same ones, and is
# told which pixels are missing, which the autoencoder has to guess from their gray. On 4,000 digits
# it is hard to beat.
