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
# # What autoencoders are good for
#
# *The applications that the course notes of "Introduction to autoencoders" (Alfredo Canziani, Deep
# Learning at NYU, week 7) show in their introduction, on faces, dogs and birds: interpolation,
# transformations, super-resolution, inpainting, images from captions. Then those that all five
# tutorials name: anomaly detection, compression, and classification on codes. Here they run on
# digits, and each is measured against an obvious baseline.*
#
# Each application is one function: it takes a `Study`, that is a trained run and its data, and
# returns a sentence, numbers with those of its baseline, and figures. The command `python -m
# experiments.analyse --workdir=...` does the same for a run on disk.

# %%
import jax

import ae_jax
from ae_jax.analysis import APPLICATIONS, Study

# %matplotlib inline
data = ae_jax.load_data("mnist5k")
run = ae_jax.fit(
    ae_jax.load_config("vae:deep", **{"train.batch_size": 200, "train.epochs": 60}),
    data,
    jax.random.key(0),
    progress=False,
)
study = Study(run, data, jax.random.key(0), effort=0.7)  # short trainings


def found(name, study=study):
    """What an application finds, its sentence printed."""
    finding = APPLICATIONS[name](study, study.key_for(name))
    print(finding.sentence)
    return finding


# %% [markdown]
# ## Interpolation
#
# Halfway between two images in pixels, one image fades into the other. Halfway between their
# codes there should be an image. The *geodesic* is the shortest path in pixels all of whose points
# are decoded codes. (The notebook `convolutions_and_interpolation` has the pictures.)

# %%
interpolation = found("interpolation")

# %% [markdown]
# ## Transformations
#
# Zoom, shift, brightness and rotation as moves in the code. Transform training images a little,
# regress how their codes move, and follow that direction from test images, from one side (left) to
# the other. The sentence says how much of the true change the decoded images achieve.

# %%
transformations = found("transformations")
transformations.figures[""]

# %% [markdown]
# ## Super-resolution
#
# A denoising autoencoder whose noise is the loss of resolution enlarges 14 x 14 and 7 x 7 pixels to
# 28 x 28, against bicubic interpolation.

# %%
super_resolution = found("super_resolution")
assert super_resolution.numbers["7 x 7"]["gain_db"] > 0
super_resolution.figures[""]

# %% [markdown]
# A network can only give back what it has seen. The course notes show faces that change their
# identity; here one network was trained without a single five:

# %%
super_resolution.figures["bias"]

# %% [markdown]
# ## Inpainting
#
# Scattered pixels are filled by a denoiser in one pass. For a gray box the notes propose something
# else: the damaged image lies off the manifold of images, so look for the closest point on it by
# minimizing an energy over the code, using the known pixels only. Beside them stand classical
# methods that have seen no digits, and the best linear filling, which has seen as many as the
# networks.

# %%
inpainting = found("inpainting")
inpainting.figures[""]

# %%
box = inpainting.numbers["gray box"]
classical = max(way["psnr_db"] for way in inpainting.control["gray box"].values())
print(f"box, dB: energy {box['energy']['psnr_db']:.1f}, best classical method {classical:.1f}")
assert box["energy"]["psnr_db"] > classical

# %% [markdown]
# ## From a caption to an image
#
# Words become features, features a condition, and a conditional variational network draws. The
# classifier says whether the drawing is what the caption asked for. Words for looks (thick,
# slanted, wide ...) choose the code, and the drawing is measured: below, one random code for each
# digit, under every word.

# %%
caption = found("caption")
assert caption.numbers["agreement"] > caption.control["other_captions"] + 0.3
caption.figures["looks"]

# %% [markdown]
# ## Anomaly detection
#
# What a network reconstructs badly it has not seen. First, test images against shuffled ones; then
# one network for each digit, to which all other digits are anomalies. Areas under the ROC curve.

# %%
anomaly = found("anomaly")
assert anomaly.numbers["one_class"]["mean"] > 0.9
anomaly.figures["one_class"]

# %% [markdown]
# ## Compression
#
# A code is a compressed image. Error against its size, with PCA at the same size, and against the
# number of bits after rounding each number.

# %%
compression = found("compression")
compression.figures[""]

# %% [markdown]
# ## Classification on codes
#
# The codes have never seen a label. A linear probe and a vote of the nearest neighbors, on codes,
# on PCA codes of the same size, and on pixels. The run for this is `warp`, a denoiser whose noise
# turns, shears and moves the digits: what differs between an image and its warped copy is not worth
# keeping.

# %%
warp = ae_jax.fit(
    ae_jax.load_config("warp", **{"train.batch_size": 250, "train.epochs": 25}),
    data,
    jax.random.key(0),
    progress=False,
)
classification = found("classification", study.with_run(warp))
assert classification.numbers["linear_probe"] > classification.control["pca"]["linear_probe"]
classification.figures[""]
