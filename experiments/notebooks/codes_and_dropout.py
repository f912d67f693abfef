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
# # What is in a code, and dropout on it
#
# *Follows a course's PyTorch notebook on three autoencoders with dropout on the code (title and
# author are not known to us): a bottleneck of 64 numbers that starts from zero weights (its text
# speaks of two numbers; both are here), one of 128 numbers seen in three dimensions, and a
# denoiser. The experiments are in its order.*
#
# The notebook never leaves training mode, so the dropout is on in all of its pictures. Here we look
# at them with the dropout on and off.

# %%
import jax
import numpy as np

import ae_jax
from ae_jax import figures
from ae_jax.analysis import APPLICATIONS, Study, classification, filters
from ae_jax.evaluate import baselines

# %matplotlib inline
BATCH = 250  # divides the 4,000 training images: no second program for a smaller last batch
RATE = 0.8  # of the dropout: four of five numbers are gone
data = ae_jax.load_data("mnist5k")
images, labels = data.test.images, data.test.labels
clean = images / 255.0


def trained(name, epochs, **fields):
    fields = {"train.batch_size": BATCH, "train.epochs": epochs, **fields}
    return ae_jax.fit(ae_jax.load_config(name, **fields), data, jax.random.key(0), progress=False)


def with_dropout(run, share=RATE, seed=0):
    """Images from codes that lost a share of their numbers; the rest is scaled up in return."""
    codes = run.encode(images)
    kept = np.random.default_rng(seed).random(codes.shape) >= share
    return run.decode(codes * kept / (1 - share))


def mse(outputs):
    return float(((outputs - clean) ** 2).mean())


# %% [markdown]
# ## Experiment A: 64 numbers, all weights zero
#
# Every weight matrix starts at zero, so that only the random biases break the symmetry. Dropout at
# a rate of 0.8 takes about 51 of the 64 numbers away at every step. What did the first layer learn
# to look at?

# %%
zero = trained("dropout:zero", 150)
kernels = filters.filters_of(zero)
in_use = np.abs(kernels).max((1, 2, 3)) > 1e-3
print(f"{(~in_use).sum()} of {len(kernels)} units never woke up: their weights are still zero")
figures.filters(kernels[in_use][:4], "Four filters of the first layer")

# %% [markdown]
# Test images, and what comes back. With the dropout on, two looks at the same image differ.

# %%
few = slice(0, 10)
figures.image_rows(
    {
        "test image": clean[few],
        "dropout off": zero.reconstruct(images[few]),
        "dropout on": with_dropout(zero)[few],
        "once more": with_dropout(zero, seed=1)[few],
    },
    "Experiment A",
)

# %%
mean_image = baselines.mean_image_mse(data.train.images, images)
print(f"mse per pixel  dropout off {mse(zero.reconstruct(images)):.4f}")
print(f"               dropout on  {mse(with_dropout(zero)):.4f}")
print(f"               the mean image {mean_image:.4f}")
assert mse(zero.reconstruct(images)) < mse(with_dropout(zero)) < mean_image

# %% [markdown]
# ## Experiment A as the text tells it: two numbers
#
# A code of two numbers can be drawn. It has no dropout, which would take both numbers away two
# times out of three.

# %%
two = trained("dropout:two", 100)
two.plot_codes(images, labels)

# %% [markdown]
# Nobody told the network what a digit is. The tutorial sees "clear distinctions", with some
# overlap, and guesses that one "could make a pretty good classifier out of this". Let the five
# nearest training codes vote:

# %%
train_codes, codes = two.encode(data.train.images), two.encode(images)
spaces = {
    "two numbers": (train_codes, codes),
    "pixels": (baselines.unit_rows(data.train.images), baselines.unit_rows(images)),
}
vote, pixels = (
    classification.accuracies(a, data.train.labels, b, labels)["nearest_neighbors"]
    for a, b in spaces.values()
)
print(f"named correctly: from the two numbers {vote:.0%}, from all pixels {pixels:.0%}, chance 10%")
assert 0.4 < vote < pixels

# %% [markdown]
# A classifier, yes; a pretty good one takes more than two numbers.
#
# What do points decode to that nobody encoded? First the tutorial's hand-picked $z = (0, -4)$, then
# a grid over the plane, laid out as above: each row is one $z_1$, and $z_0$ grows to the right.

# %%
low, high = np.quantile(train_codes, [0.05, 0.95], axis=0)
grid = np.stack(np.meshgrid(*np.linspace(low, high, 7).T), -1)[::-1]
figures.image_rows(
    {"z = (0, -4)": two.decode([[0.0, -4.0]])}
    | {f"$z_1$ = {row[0, 1]:.1f}": two.decode(row) for row in grid},
    "Decoded codes",
)

# %% [markdown]
# ## Falling off the map
#
# The tutorial warns that codes picked by hand easily fall off the map, and more easily the more
# numbers there are, 16 for instance, since the classes move apart. That can be counted: train a
# network for each code size, draw codes from a Gaussian with the mean and covariance of the real
# ones, and ask a classifier what share of the decoded images it is sure of.

# %%
study = Study(two, data, jax.random.key(0), effort=0.7)
off_manifold = APPLICATIONS["off_manifold"](study, study.key_for("off_manifold"))
print(off_manifold.sentence)
off_manifold.figures[""]

# %%
random, real = off_manifold.numbers["by_size"], off_manifold.control["reconstructions_by_size"]
for size in random:
    words = (
        f"random codes {random[size].text(100)} %, codes of test images {real[size].text(100)} %"
    )
    print(f"{size:2} numbers: {words}")
gaps = {size: real[size].value - random[size].value for size in random}
assert gaps[32] > gaps[2]

# %% [markdown]
# So the warning holds: the more numbers, the better the images that real codes decode to, and the
# wider the gap to random ones.
#
# ## Experiment B: 128 numbers
#
# 256 hidden units and a weaker penalty on the weights. The first three of its 128 numbers:

# %%
wide = trained("dropout", 100)
figures.code_scatter(wide.encode(images)[:, :3], labels, dims=3, title="Three of 128 numbers")

# %% [markdown]
# Three of them say little about the digit, because with dropout no number may be indispensable. The
# tutorial then compares inputs and reconstructions:

# %%
bare = trained("dropout", 100, **{"bottleneck.rate": 0.0})
figures.image_rows(
    {
        "test image": clean[few],
        "dropout off": wide.reconstruct(images[few]),
        "dropout on": with_dropout(wide)[few],
        "trained without": bare.reconstruct(images[few]),
        "  dropout on": with_dropout(bare)[few],
    },
    "Experiment B, and the same network trained without dropout",
)

# %% [markdown]
# Take numbers away from the codes of test images and see how much of the image is lost, by the
# share that is taken away:

# %%
shares = [0.0, 0.25, 0.5, RATE]
lost = {
    name: [mse(with_dropout(run, share)) for share in shares]
    for name, run in {"trained with dropout": wide, "trained without": bare}.items()
}
print(f"{'mse per pixel':<21}" + "".join(f"{share:8.0%}" for share in shares))
for name, values in lost.items():
    print(f"{name:<21}" + "".join(f"{value:8.4f}" for value in values))
assert lost["trained with dropout"][-1] < lost["trained without"][-1] / 2
assert lost["trained without"][0] < lost["trained with dropout"][0]

# %% [markdown]
# The network that had to say everything several times hardly notices. The other one is better as
# long as nothing is missing, and then falls apart.
#
# ## Experiment C: a denoiser
#
# Now the noise is on the input as well: a mask of zeros and ones, drawn anew for every image. The
# tutorial prints one that keeps a fifth of the pixels.

# %%
mask = np.random.default_rng(0).uniform(size=(10, 10)) > RATE
print(np.array2string(mask.astype(int)))

# %% [markdown]
# The code has 32 numbers, and the dropout on it stays. Reconstruction, noisy input, and the clean
# image that was asked for:

# %%
denoiser = trained("dropout:denoise", 100)
noisy = denoiser.corrupt(images, jax.random.key(1))
codes = denoiser.encode(noisy)
kept = np.random.default_rng(0).random(codes.shape) >= RATE
outputs = {
    "dropout off": denoiser.reconstruct(noisy),
    "dropout on": denoiser.decode(codes * kept / (1 - RATE)),
}
figures.image_rows(
    {name: rows[few] for name, rows in outputs.items()}
    | {"noisy": noisy[few], "clean": clean[few]},
    "Experiment C",
)

# %%
linear = baselines.linear_denoiser_mse(denoiser.model, data.train.images, images, jax.random.key(2))
print(f"mse per pixel  noisy input          {mse(noisy):.4f}")
for name, rows in outputs.items():
    print(f"               {name:<20} {mse(rows):.4f}")
print(f"               best linear denoiser {linear:.4f}")
assert mse(outputs["dropout off"]) < mse(noisy)

# %% [markdown]
# The best linear map, fitted to the same noise, is the baseline that the tutorial omits. It has
# no bottleneck and loses none of its numbers; a network that throws four fifths of its code away
# does not come near it. The notebook `denoising_and_contraction` shows a denoiser that does better.
