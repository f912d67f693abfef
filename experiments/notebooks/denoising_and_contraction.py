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
# # Denoising and contraction: codes larger than the image
#
# *Follows the course notes of Deep Learning (NYU, spring 2020), week 7-3, Alfredo Canziani's
# practicum on autoencoders, through its theory: under- and over-complete codes, denoising on a
# spiral, contraction. Its code, from the standard autoencoder to inpainting, is in
# `standard_and_denoising`, and what its introduction shows on faces, from interpolation to
# captions, in `applications`.*
#
# A code smaller than the image is *under-complete*: it has to compress. A code as large as the
# image or larger is *over-complete*: it is easier to train, but nothing stops it from copying. For
# digits, most of whose pixels are black, 500 numbers are plenty.

# %%
import jax

import ae_jax
from ae_jax.analysis import APPLICATIONS, Study, curve
from ae_jax.evaluate import manifold
from ae_jax.model import scaling

# %matplotlib inline
BATCH = 250  # divides the 4,000 training images: no second program for a smaller last batch
data = ae_jax.load_data("mnist5k")
images = data.test.images


def trained(name, **fields):
    return ae_jax.fit(ae_jax.load_config(name, **fields), data, jax.random.key(0), progress=False)


# %% [markdown]
# ## Under-complete and over-complete
#
# Does an over-complete network copy? Give it what it has never seen: digits whose 4 x 4 blocks have
# changed places, and noise. What comes back of these was copied, not recognized. Beside it stand
# the two remedies below, and the opposite danger that the text names: an encoder and a decoder so
# powerful that a *single* number is enough to store the training set.

# %%
standard = trained("undercomplete", **{"train.epochs": 50})  # the study's; the others are its own
study = Study(standard, data, jax.random.key(0), effort=0.7)
copying = APPLICATIONS["copying"](study, study.key_for("copying"))
print(copying.sentence)
copying.figures[""]

# %%
copying.figures["memorizer"]

# %% [markdown]
# ## Denoising, first in two dimensions
#
# The first remedy: damage the input and ask for the clean image (Vincent et al. 2008). The network
# has to learn where the data lie, and to come back to them.
#
# Points on a spiral, pushed off it by noise of up to 0.06; the network sees where they ended and is
# asked where they came from. The arrows are $r(x) - x$: they point back to the curve, and the
# distance traveled is about 1 at the corners and 0 on the curve. Between two branches it rises to
# a ridge on either side; on the line halfway their pulls cancel.
#
# Since the curve is known, so is the best denoiser, the posterior mean $E[x \mid \tilde x]$ (an
# integral over the curve). It is drawn below the network, which comes close to it.

# %%
spiral = ae_jax.load_data("spiral")


def denoised(name):
    """A run on the spiral, and its numbers."""
    fields = {"train.batch_size": BATCH, "train.epochs": 200}
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
_, left = denoised("spiral:noisy")
assert left > 0.2

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
# The other remedy charges for every direction in which the code reacts (Rifai et al. 2011):
# $\lambda \lVert \partial h / \partial x \rVert_F^2$ is added to the loss, so that only those
# directions stay that the reconstruction needs. The penalty's weight is a field of the config;
# `plain` is the same network without it. The norm of the Jacobian is measured on test images,
# exactly.

# %%
options = {"train.batch_size": BATCH, "train.epochs": 20}
contracted = {
    "contractive:plain": trained("contractive:plain", **options),
    "contractive": trained(
        "contractive",
        **options,
        **{"penalties.contractive.weight": 0.01, "penalties.contractive.warmup_epochs": 0},
    ),
}


def jacobian_norm(run, images):
    """Mean over images of || dh/dx ||_F^2, by forward differentiation."""
    x = scaling.to_network(images, run.model.scale)
    J = jax.vmap(jax.jacfwd(lambda image: run.model.encode(run.variables, image[None])[0]))(x)
    return float((J**2).sum() / len(images))


norms = {name: jacobian_norm(run, images[:100]) for name, run in contracted.items()}
for name, run in contracted.items():
    mse = run.score(images).mean() / 784
    print(f"{name:<17}  mse {mse:.4f}, squared Jacobian norm {norms[name]:.2f}")
assert norms["contractive"] < norms["contractive:plain"] / 2

# %% [markdown]
# The contractive network gives up some of the reconstruction for a code that moves far less than
# the image does.
