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
# # Standard, denoising and contractive autoencoders
#
# *Follows "Introduction to autoencoders" by Alfredo Canziani (Deep Learning at NYU, week 7,
# practicum) and its notebook: under- and over-complete codes, denoising, contraction, the standard
# autoencoder, the denoising one, their kernels, and inpainting against two classical methods. What
# its introduction shows on faces, from interpolation to captions, is in the notebook
# `applications`.*
#
# A code smaller than the image is *under-complete*: it has to compress. A code as large as the
# image or larger is *over-complete*: it is easier to train, but nothing stops it from copying. For
# digits, most of whose pixels are black, 500 numbers are plenty.

# %%
import jax

import ae_jax
from ae_jax import controls, figures, manifold, scaling
from ae_jax.analysis import APPLICATIONS, Study, curve, filters, inpainting
from ae_jax.evaluation import psnr
from ae_jax.panels import filter_pair

# %matplotlib inline
BATCH = 250  # divides the 4,000 training images: no second program for a smaller last batch
data = ae_jax.load_data("mnist5k")
images, labels = data.test.images, data.test.labels
clean = images / 255.0


def trained(name, **fields):
    return ae_jax.fit(ae_jax.load_config(name, **fields), data, jax.random.key(0), progress=False)


def in_stages(name, epochs, show):
    """A run trained to the last of `epochs`, and what `show(run)` made of images after each."""
    run, frames, losses = None, {}, {}
    for n in epochs:
        config = ae_jax.load_config(name, **{"train.epochs": n})
        run = ae_jax.fit(config, data, jax.random.key(0), progress=False, start=run)
        frames[n], losses[n] = show(run), run.score(images).mean() / 784
    return run, frames, losses


# %% [markdown]
# ## Under-complete and over-complete
#
# Does an over-complete network copy? Give it what it has never seen: digits whose 4 x 4 blocks have
# changed places, and noise. What comes back of these was copied, not recognized. Beside it stand
# the two remedies below, and the opposite danger that the text names: an encoder and a decoder so
# powerful that a *single* number is enough to store the training set.

# %%
standard, frames, losses = in_stages(
    "undercomplete", (1, 5, 20, 100, 300), lambda run: run.reconstruct(images[:10])
)
study = Study(standard, data, jax.random.key(0), effort=0.5)
copying = APPLICATIONS["copying"](study, study.key_for("copying"))
print(copying.sentence)
copying.figures[""]

# %%
copying.figures["memoriser"]

# %% [markdown]
# ## Denoising, first in two dimensions
#
# The first remedy: damage the input and ask for the clean image (Vincent et al. 2008). The network
# has to learn where the data lie, and to come back to them.
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

# %% [markdown]
# ## The standard autoencoder: 784-30-784
#
# Now in code. Tanh units, pixels in [-1, 1], mean squared error, Adam. The course notes show the
# reconstructions at several epochs: first blobs on a speckled background, at the end smooth and
# legible digits.

# %%
figures.progress_strip(clean[:10], frames, losses)

# %%
pca = controls.pca_mse(data.train.images, images, 30)
mean_image = controls.mean_image_mse(data.train.images, images)
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
denoiser = trained("denoise")
noisy = denoiser.corrupt(images, jax.random.key(1))
figures.denoising(noisy[:10], denoiser.reconstruct(noisy[:10]), clean[:10])

# %% [markdown]
# Is that good? The standard network has never seen damage. The best *linear* map, fitted to the
# same noise, is the control that counts.

# %%
linear = controls.linear_denoiser_mse(denoiser.model, data.train.images, images, jax.random.key(2))
errors = {
    name: float(((run.reconstruct(noisy) - clean) ** 2).mean())
    for name, run in {"standard": standard, "denoising": denoiser}.items()
} | {"best linear map": linear}
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
# images. (Without OpenCV, the nearest known pixel stands in.)

# %%
known = inpainting.scattered(jax.random.key(3), clean[:100].shape)
truth = clean[:100]
damaged = inpainting.as_trained(denoiser, known, truth)
filled = {"autoencoder": denoiser.reconstruct(damaged)} | {
    name: inpainting.apply_each(method, truth, known)
    for name, method in inpainting.classical().items()
}
quality = {name: psnr(inpainting.missing_mse(known, truth, v)) for name, v in filled.items()}
figures.image_rows(
    {"known pixels": known[:10], "damaged": damaged[:10], "clean": truth[:10]}
    | {f"{name}, {quality[name]:.1f} dB": v[:10] for name, v in filled.items()},
    "Half of the pixels filled in",
)

# %%
classical = max(v for name, v in quality.items() if name != "autoencoder")
print(
    f"the autoencoder is {quality['autoencoder'] - classical:.1f} dB above the better of the others"
)
assert quality["autoencoder"] > classical

# %% [markdown]
# "Our autoencoder actually does better", say the course notes, and so it does: its strokes are
# smooth and complete where the classical ones are ragged. It pays with strokes that it invents now
# and then, since it knows nothing but digits.
