# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

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
# # Dense, convolutional, and the space of codes
#
# *Follows "Intro to Autoencoders" by Adrian Pacurar (The Mathy Bit, 2018,
# mathybit.github.io/auto-intro) in its order: the dense network and its coding space, then the
# convolutional one and its own. The variational networks of its companion notebook are in
# `variational`.*
#
# Sixteen numbers between -1 and 1 for a digit. How good are they, where do they lie, and what do
# codes decode to that no image has?

# %%
import jax
import numpy as np
from sklearn.decomposition import KernelPCA

import ae_jax
from ae_jax import figures
from ae_jax.analysis import Study, code_space, interpolation, keras_samples, off_manifold
from ae_jax.evaluate import baselines
from ae_jax.evaluate.code_statistics import principal_components
from ae_jax.figures.panels import image_blocks, scatter_panels

# %matplotlib inline
data = ae_jax.load_data("mnist5k")
images, labels = data.test.images, data.test.labels
clean = images / 255.0


def trained(name, **fields):
    return ae_jax.fit(ae_jax.load_config(name, **fields), data, jax.random.key(0), progress=False)


def mse(run):
    return run.score(images).mean() / 784


# %% [markdown]
# ## The dense network: 784-250-16-320-784
#
# The decoder is stronger than the encoder on purpose, and the code goes through a tanh. Its error
# next to that of PCA with equal code size:

# %%
dense, frames, losses = None, {}, {}
for epochs in (1, 10, 30, 100, 300):
    config = ae_jax.load_config("dense", **{"train.epochs": epochs})
    dense = ae_jax.fit(config, data, jax.random.key(0), progress=False, start=dense)
    frames[epochs], losses[epochs] = dense.reconstruct(images[:10]), mse(dense)
pca = baselines.pca_mse(data.train.images, images, 16)
print(f"mse per pixel: dense {mse(dense):.4f}, PCA {pca:.4f}")
assert mse(dense) < pca
figures.progress_strip(clean[:10], frames, losses)

# %% [markdown]
# The tutorial's animation begins with the same blob for all digits, the mean image; then the ones
# part from the rest, and then the others do. So it goes here.

# %% [markdown]
# ## Random codes: N(0, 0.33)
#
# The tutorial draws 36 codes from a normal distribution with a deviation of 0.33 and decodes them.
# Some look like digits, it finds, and *none looks like a one*.

# %%
SIGMA = keras_samples.SIGMA


def narrow(run, n):
    """n images of codes drawn from N(0, 0.33^2)."""
    codes = SIGMA * jax.random.normal(jax.random.key(1), (n, run.config.model.code_size))
    return run.decode(codes)


image_blocks({"dense": narrow(dense, 36)}, f"36 codes from N(0, {SIGMA}), decoded", side=56)

# %% [markdown]
# A classifier that also knows what is no digit gives the numbers: of 2,000 such images, the share
# that it is sure of (more than 90%), and the share of ones among the classes that it names.

# %%
study = Study(dense, data, jax.random.key(0))
judge = study.classifier


def judged(decoded):
    """(share that is recognizable, share of ones) of images."""
    p = judge.probabilities(decoded)
    return (p.max(1) > 0.9).mean(), (p.argmax(1) == 1).mean()


sure, ones = judged(narrow(dense, 2000))
print(f"the judge names {judge.accuracy:.1%} of the test images correctly")
print(f"N(0, {SIGMA}): {sure:.0%} recognizable, {ones:.1%} ones (in the data 10%)")
assert sure < 0.6
assert ones < 0.03

# %% [markdown]
# That confirms the tutorial. The reason shows in the codes.
#
# ## The coding space
#
# How the coordinates are distributed over the training images:

# %%
train_codes, codes = dense.encode(data.train.images), dense.encode(images)
figures.code_histograms(train_codes, "The 16 numbers of the dense network")

# %% [markdown]
# Most of them fill the whole interval from -1 to 1, some with two peaks, some piled up at an end.
# N(0, 0.33) looks for digits in the middle, where few are; in particular no ones:

# %%
spread = {"all digits": train_codes, "ones": train_codes[data.train.labels == 1]}
for name, rows in spread.items():
    print(f"{name:<10}  distance from the origin {np.linalg.norm(rows, axis=1).mean():.2f}")
print(f"N(0, {SIGMA})   distance from the origin {SIGMA * np.sqrt(16):.2f}")

# %% [markdown]
# In two dimensions, the tutorial uses kernel PCA with a polynomial kernel ($\gamma = 0.15$, degree
# 2): the ones form an arc of their own, and the rest overlaps. Linear PCA stands next to it.


# %%
def kernel_pca(codes, name):
    """Codes in the three leading components of one of the tutorial's kernels."""
    kernel = code_space.KERNELS[name]
    return KernelPCA(3, eigen_solver="randomized", random_state=0, **kernel).fit_transform(codes)


flat = {
    "PCA": principal_components(codes, 2)[0],
    "poly, gamma 0.15, degree 2": kernel_pca(codes, "poly, gamma 0.15, degree 2")[:, :2],
}
scatter_panels(flat, labels, "Codes of the dense network, PCA and kernel PCA")

# %% [markdown]
# How much of the label survives in each picture? The share of a point's ten nearest neighbors that
# have its label, for all digits and for the ones alone; 10% would be chance.

# %%
one = labels == 1
for name, points in {**flat, "all 16 numbers": codes}.items():
    agreed = code_space.agreement(points, labels)  # the share of a point's ten nearest neighbors
    shares = agreed.mean(), agreed[one].mean()
    print(f"{name:<28}  all digits {shares[0]:.0%}, ones {shares[1]:.0%}")
    assert shares[1] > shares[0] + 0.1

# %% [markdown]
# In three dimensions, with a polynomial kernel of degree 5 and $\gamma = 0.18$:

# %%
figures.code_scatter(
    kernel_pca(codes, "poly, gamma 0.18, degree 5"),
    labels,
    dims=3,
    title="Kernel PCA of the dense codes, polynomial of degree 5",
    names=("first", "second", "third"),
)

# %% [markdown]
# The tutorial concludes that there is no smooth path between the ones and the rest, and that codes
# outside of [-1, 1] give distorted images. Both can be measured. Halfway between the codes of two
# test images of different digits, how often is the judge sure?

# %%
a, b = interpolation.pairs_of_classes(jax.random.key(2), labels, 1000)
middle = judge.confidence(dense.decode((codes[a] + codes[b]) / 2)) > 0.9
with_a_one = one[a] | one[b]
print(f"half-way between a one and another digit  {middle[with_a_one].mean():.0%} recognizable")
print(f"between two others                        {middle[~with_a_one].mean():.0%}")

# %% [markdown]
# And the codes of test images, moved away from their mean:

# %%
factors = (1.0, 1.5, 2.0, 3.0)
moved = {s: dense.decode(off_manifold.scaled(codes, s)) for s in factors}
for s, decoded in moved.items():
    near = np.median(interpolation.nearest_distance(np.clip(decoded, 0, 1), data.train.images))
    outside = (np.abs(off_manifold.scaled(codes, s)) > 1).mean()
    print(
        f"scaled by {s:g}: {outside:.0%} of the numbers outside of [-1, 1], "
        f"{judge.recognizable(decoded):.0%} recognizable, {near:.1f} from the nearest digit"
    )
figures.image_rows({f"scaled by {s:g}": v[:10] for s, v in moved.items()}, "Codes moved outward")

# %% [markdown]
# They are distorted: caricatures, thick and jagged, ever farther from all real digits. What the
# text does not say is that a classifier recognizes them about as often as before. A code that is
# too large decodes to a digit that is too much of itself.
#
# ## The convolutional network
#
# Convolutions with pooling on the way down, upsampling and convolutions on the way up, 16 tanh
# numbers as before.

# %%
conv = trained("conv_pool", **{"train.epochs": 15})
print(f"mse per pixel: convolutional {mse(conv):.4f}, dense {mse(dense):.4f}, PCA {pca:.4f}")
assert mse(conv) < mse(dense)
figures.image_rows(
    {"test image": clean[:10]}
    | {
        f"{n}, {mse(r):.4f}": r.reconstruct(images[:10])
        for n, r in (("dense", dense), ("conv", conv))
    },
    "Sixteen numbers a digit, mse per pixel",
)

# %% [markdown]
# As on the tutorial's 60,000 digits (0.0089 against 0.0117), the convolutional network has the
# smaller error. (It starts by He's rule here and has ELU units; with the tutorial's own start it
# does not get going on so few digits.)
#
# Its random codes, N(0, 0.33) again; the tutorial finds them worse than the dense network's.

# %%
for name, run in {"dense": dense, "convolutional": conv}.items():
    sure, ones = judged(narrow(run, 2000))
    print(f"{name:<13}  {sure:.0%} recognizable, {ones:.1%} ones")
image_blocks({"conv": narrow(conv, 36)}, f"36 codes from N(0, {SIGMA}), decoded", side=56)

# %% [markdown]
# Its coding space, with the tutorial's radial kernel ($\gamma = 0.18$) in three dimensions:

# %%
figures.code_scatter(
    kernel_pca(conv.encode(images), "rbf, gamma 0.18"),
    labels,
    dims=3,
    title="Kernel PCA of the convolutional codes, radial kernel",
    names=("first", "second", "third"),
)

# %% [markdown]
# The tutorial ends with a pointer to variational autoencoders, whose codes lie where N(0, I) does.
# Its notebook builds one, and a conditional one: see `variational`.
