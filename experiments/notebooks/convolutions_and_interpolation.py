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
# # Fully connected, fully convolutional, and walking between two digits
#
# *Follows a blog post in PyTorch in which one flag, `use_conv_autoencoder`, switches between two
# autoencoders (title and author are not known to us): 784-128-64-12-10 and back, and three strided
# convolutions down to 64 numbers and back. It watches both learn, compares them, and ends with the
# walk from one digit to another.*

# %%
import jax
import numpy as np

import ae_jax
from ae_jax import figures
from ae_jax.analysis import APPLICATIONS, Study, interpolation
from ae_jax.evaluate import baselines

# %matplotlib inline
BATCH = 100  # divides the 4,000 training images: no second program for a smaller last batch
data = ae_jax.load_data("mnist5k")
images, labels = data.test.images, data.test.labels
clean = images / 255.0


def in_stages(name, epochs):
    """(run trained to the last of `epochs`, its images and its mse per pixel after each)."""
    run, frames, losses = None, {}, {}
    for n in epochs:
        fields = {"data.name": "mnist5k", "train.batch_size": BATCH, "train.epochs": n}
        config = ae_jax.load_config(name, **fields)
        run = ae_jax.fit(config, data, jax.random.key(0), progress=False, start=run)
        frames[n], losses[n] = run.reconstruct(images[:9]), run.score(images).mean() / 784
    return run, frames, losses


# %% [markdown]
# ## Fully connected
#
# Ten numbers for a digit, in the tutorial's own setting. An epoch is 4,000 digits here and 60,000
# in the tutorial, so we take more of them.

# %%
dense, frames, dense_mse = in_stages("deep:published", (1, 5, 20, 50, 150))
figures.progress_strip(clean[:9], frames, dense_mse, "Fully connected, 10 numbers")

# %% [markdown]
# ## Fully convolutional
#
# The same script with the other model: strided convolutions down, transposed convolutions up. It
# starts from a blob, too, and then is past the other one within ten epochs.

# %%
conv, frames, conv_mse = in_stages("conv_strided:published", (1, 5, 10, 20))
figures.progress_strip(clean[:9], frames, conv_mse, "Fully convolutional, 64 numbers")

# %% [markdown]
# ## "CNNs clearly win"
#
# The tutorial's table: after one epoch the convolutional network is better than the other one is
# after twenty (0.0103 against 0.0259). Ours, with a baseline that it lacks, PCA with as many
# numbers:

# %%
pca = {k: baselines.pca_mse(data.train.images, images, k) for k in (10, 64)}
for name, mse, k in (("connected", dense_mse, 10), ("convolutional", conv_mse, 64)):
    after = ", ".join(f"{value:.4f} after {n}" for n, value in mse.items())
    print(f"{name:<14} {k} numbers, PCA {pca[k]:.4f}; epochs: {after}")
assert conv_mse[20] < dense_mse[150]
assert pca[64] < dense_mse[150]

# %% [markdown]
# They win, but not like for like: the convolutional code has 64 numbers and the other 10. PCA with
# 64 components beats the fully connected network as well, without any convolution. So give both the
# same number, and train all four alike:

# %%
study = Study(conv, data, jax.random.key(0))
fair = APPLICATIONS["dense_vs_conv"](study, study.key_for("dense_vs_conv"))
print(fair.sentence)
for name, row in fair.numbers.items():
    if "params" in row:
        print(f"{name:<18} mse per pixel {row['mse']:.4f}, {row['params']:,} parameters")
fair.figures["images"]

# %% [markdown]
# ## BatchNorm
#
# The tutorial has it commented out: "Activate them and see how it makes a difference." After five
# epochs:

# %%
_, _, normalized_mse = in_stages("conv_strided:batchnorm,published", (5,))
for name, mse in (("without", conv_mse), ("with", normalized_mse)):
    print(f"{name:<7} BatchNorm  mse per pixel {mse[5]:.4f}")
assert normalized_mse[5] < conv_mse[5]

# %% [markdown]
# ## Walking between two digits
#
# Encode two images, go from one code to the other in a straight line, and decode on the way. The
# tutorial takes ten frames, t = 0, 0.1 ... 0.9, with the convolutional network, and three pairs: 0
# to 8, 5 to 1, 9 to 6. Under each walk, the same line in pixels, where one image fades into the
# other.

# %%
t = np.arange(10) / 10
rows = {}
for i, (start, end) in enumerate(interpolation.SHOWN):
    a, b = (clean[labels == digit][:1] for digit in (start, end))
    codes = interpolation.straight(conv.encode(a), conv.encode(b), t)[0]
    rows[f"{start} to {end}, codes"] = conv.decode(codes)
    rows["pixels" + " " * i] = interpolation.straight(a, b, t)[0]
figures.image_rows(rows, "Ten frames, t = 0 to 0.9")

# %% [markdown]
# Are the codes better? Look halfway between 1,000 pairs of test images of different digits: how
# sure is a classifier, and how far is the nearest training image? Beside the two networks of the
# tutorial stands the cure that it points to, a variational one, whose codes have to fill their
# space. The uncertainty is that of the mean over pairs.

# %%
vae = ae_jax.fit(
    ae_jax.load_config("vae:deep", **{"train.batch_size": BATCH, "train.epochs": 60}),
    data,
    jax.random.key(0),
    progress=False,
)
a, b = interpolation.pairs_of_classes(jax.random.key(1), labels, 1000)
half_way = {"pixels": (clean[a] + clean[b]) / 2}
for name, run in {"connected": dense, "convolutional": conv, "variational": vae}.items():
    codes = run.encode(images)
    half_way[name] = run.decode((codes[a] + codes[b]) / 2)
sure = {name: 100 * study.classifier.confidence(v) for name, v in half_way.items()}
near = {
    name: interpolation.nearest_distance(np.clip(v, 0, 1), data.train.images).mean()
    for name, v in half_way.items()
}
print(f"{'':<14}{'confidence':>12}{'gain on pixels':>18}{'nearest digit':>16}")
for name, v in sure.items():
    gain = v - sure["pixels"]
    error = gain.std() / np.sqrt(len(gain))
    print(f"{name:<14}{v.mean():>10.1f} %{gain.mean():>+11.1f} ± {error:.1f}{near[name]:>16.1f}")
assert sure["variational"].mean() > sure["pixels"].mean()
assert near["connected"] < near["convolutional"] < near["pixels"]

# %%
digits = {name: v[:10] for name, v in half_way.items()}
figures.image_rows({"from": clean[a[:10]], "to": clean[b[:10]], **digits}, "Half-way")

# %% [markdown]
# Two ghosts in pixels; in the code, now and then, a third digit. The gain is real, but it is a
# matter of points, not of worlds. And it depends on the code: with 64 numbers and nothing that
# keeps them together, halfway is nearly as far from all real digits as the fading that it should
# replace. Ten numbers leave less room to get lost in.
