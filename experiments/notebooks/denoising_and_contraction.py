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
# # Denoising and contraction: a code larger than the image
#
# 500 numbers for a digit whose ink covers some 150 pixels: nothing stops such a network from
# copying. Two remedies, which turn out to be related:
#
# * **denoising** (Vincent et al. 2008): show it a damaged image, ask for the clean one;
# * **contraction** (Rifai et al. 2011): charge for every direction in which the code reacts,
#   $\lambda \lVert \partial h / \partial x \rVert_F^2$, so that only those that pay stay.

# %%
import jax

import ae_jax
from ae_jax import figures, manifold, scaling
from ae_jax.analysis import curve, filters

# %matplotlib inline
BATCH = 250  # divides the 4,000 training images: no second program for a smaller last batch
data = ae_jax.load_data("mnist5k")
standard, denoiser = (
    ae_jax.fit(ae_jax.load_config(name, **fields), data, jax.random.key(0), progress=False)
    for name, fields in {
        "undercomplete": {"model.code_size": 500, "train.batch_size": BATCH, "train.epochs": 25},
        "denoise": {"train.batch_size": BATCH, "train.epochs": 25},
    }.items()
)

# %% [markdown]
# Half of the pixels are dropped, freshly at every step. The noise is an argument, not a state: it
# comes from a key that is split for every step, so the same key gives the same run.

# %%
noisy = denoiser.corrupt(data.test.images[:10], jax.random.key(1))
figures.denoising(noisy, denoiser.reconstruct(noisy), data.test.images[:10] / 255.0)

# %%
clean = data.test.images / 255.0
noisy = denoiser.corrupt(data.test.images, jax.random.key(1))
errors = {
    name: float(((run.reconstruct(noisy) - clean) ** 2).mean())
    for name, run in {"standard": standard, "denoising": denoiser}.items()
}
for name, mse in errors.items():
    print(f"{name:<9}  mse per pixel on damaged images {mse:.4f}")
assert errors["denoising"] < errors["standard"]

# %% [markdown]
# What did each learn to look at? Pixels at the border are dark in every image, so nothing there is
# worth a weight. The standard network never hears of it: its weights out there keep the variance
# they were drawn with, 1/(3 x 784) = 0.00043. The denoising network unlearns them, dropped pixels
# being grey there too.

# %%
dark = filters.dark_pixels(data.train.images)
for name, run in {"standard": standard, "denoising": denoiser}.items():
    variance = filters.off_digit_variance(filters.filters_of(run), dark)["off_digit"]
    print(f"{name:<9}  variance of the weights where no digit is {variance:.5f}")
figures.filters(filters.filters_of(denoiser)[:24], "Filters of the denoising network")

# %% [markdown]
# ## The same in two dimensions
#
# Points on a spiral, pushed off it by noise of up to 0.06; the network sees where they ended and is
# asked where they came from. The arrows are $r(x) - x$: they point back to the curve, and the
# distance travelled is about 1 at the corners and 0 on the curve. Between two branches it rises to
# a ridge on either side; on the line half-way their pulls cancel.
#
# Since the curve is known, so is the best denoiser, the posterior mean $E[x \mid \tilde x]$ (an
# integral over the curve). It is drawn below the network, which comes close to it.

# %%
spiral = ae_jax.load_data("spiral")


def denoised(name):
    """A run on the spiral, and its numbers."""
    fields = {"train.batch_size": BATCH, "train.epochs": 100}
    run = ae_jax.fit(ae_jax.load_config(name, **fields), spiral, jax.random.key(0), progress=False)
    noise = run.config.corruption
    numbers = manifold.summary(run.model, run.variables, "spiral", noise, jax.random.key(1))
    left, best = (
        numbers[k] / numbers["noisy_to_curve"] for k in ("output_to_curve", "best_output_to_curve")
    )
    print(f"noise {noise.sigma:g}: outputs keep {left:.2f} of the distance to the curve, ", end="")
    print(f"at best {best:.2f}; squared error {numbers['mse_over_best']:.2f} times the best's")
    return run, left


run, left = denoised("spiral")
assert left < 0.2
curve.figures(run, "spiral", jax.random.key(2))["field"]

# %% [markdown]
# With twice the noise the picture is another one. A point between two branches, 0.3 apart, may have
# come from either, and the best answer is a place between them. The network gives it; it is not the
# network that fails.

# %%
noisier, left = denoised("spiral:noisy")
assert left > 0.2
curve.figures(noisier, "spiral", jax.random.key(2))["field"]

# %% [markdown]
# A curve in three dimensions needs one number. The code unrolls it: its order is that of the places
# on the curve. What the decoder makes of codes that no point has (dashed) lies on no curve: points
# correspond, regions do not.

# %%
unrolled = ae_jax.fit(
    ae_jax.load_config("spiral:unroll", **{"train.batch_size": BATCH, "train.epochs": 80}),
    ae_jax.load_data("curve3d"),
    jax.random.key(0),
    progress=False,
)
assert manifold.unroll(unrolled.model, unrolled.variables, "curve3d").order > 0.999
curve.figures(unrolled, "curve3d", jax.random.key(2))["unrolled"]

# %% [markdown]
# ## Contraction
#
# The penalty's weight is a field of the config; `plain` is the same network without it. The norm of
# the Jacobian is measured on test images, exactly.

# %%
contracted = {
    name: ae_jax.fit(ae_jax.load_config(name, **fields), data, jax.random.key(0), progress=False)
    for name, fields in {
        "contractive:plain": {"train.batch_size": BATCH, "train.epochs": 20},
        "contractive": {
            "train.batch_size": BATCH,
            "train.epochs": 20,
            "penalties.contractive.weight": 0.01,
            "penalties.contractive.warmup_epochs": 0,
        },
    }.items()
}


def jacobian_norm(run, images):
    """Mean over images of || dh/dx ||_F^2, by forward differentiation."""
    x = scaling.to_network(images, run.model.scale)
    J = jax.vmap(jax.jacfwd(lambda image: run.model.encode(run.variables, image[None])[0]))(x)
    return float((J**2).sum() / len(images))


norms = {name: jacobian_norm(run, data.test.images[:100]) for name, run in contracted.items()}
for name, run in contracted.items():
    mse = run.score(data.test.images).mean() / 784
    print(f"{name:<17}  mse {mse:.4f}, squared Jacobian norm {norms[name]:.2f}")
assert norms["contractive"] < norms["contractive:plain"] / 2

# %% [markdown]
# The contractive network gives up some of the reconstruction for a code that moves far less than
# the image does.
