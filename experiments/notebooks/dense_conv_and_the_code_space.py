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
# Sixteen numbers a digit, made by a dense network with one hidden layer each way, and by strided
# convolutions with BatchNorm. Then: what do codes that nobody encoded decode to?

# %%
import jax
import numpy as np

import ae_jax
from ae_jax import controls, figures
from ae_jax.analysis import classification

# %matplotlib inline
BATCH = 100  # divides the 4,000 training images: no second program for a smaller last batch
data = ae_jax.load_data("mnist5k")
epochs = {"dense": 50, "conv_strided:batchnorm": 8}
runs = {
    name: ae_jax.fit(
        ae_jax.load_config(
            name, **{"train.batch_size": BATCH, "train.epochs": n, "model.code_size": 16}
        ),
        data,
        jax.random.key(0),
        progress=False,
    )
    for name, n in epochs.items()
}
pca = controls.pca_mse(data.train.images, data.test.images, 16)
print(f"{'PCA':<22}  mse per pixel {pca:.4f}")
for name, run in runs.items():
    mse = run.score(data.test.images).mean() / 784
    print(f"{name:<22}  mse per pixel {mse:.4f}")
assert runs["dense"].score(data.test.images).mean() / 784 < pca

# %%
figures.image_rows(
    {"test images": data.test.images[:10] / 255.0}
    | {name: run.reconstruct(data.test.images[:10]) for name, run in runs.items()},
    "Sixteen numbers a digit",
)

# %% [markdown]
# ## Codes nobody encoded
#
# Every number drawn between the least and the largest that the training set has: most of this box
# is far from any digit. A Gaussian with the mean and covariance of the codes stays closer. A
# variational autoencoder is trained so that $\mathcal N(0, I)$ decodes well;
# 15 epochs are few for it.

# %%
run = runs["dense"]
codes = run.encode(data.train.images)
box = np.random.default_rng(0).uniform(codes.min(0), codes.max(0), (10, 16))
vae = ae_jax.fit(
    ae_jax.load_config("vae", **{"train.batch_size": BATCH, "train.epochs": 15}),
    data,
    jax.random.key(0),
    progress=False,
)
figures.image_rows(
    {
        "box": run.decode(box),
        "Gaussian": run.sample(jax.random.key(1), 10),
        "VAE": vae.sample(jax.random.key(1), 10),
    },
    "Random codes, decoded",
)

# %% [markdown]
# ## Where the classes lie
#
# The dense network's sixteen numbers, seen along the two directions in which they vary most. Nobody
# told it the labels. (`python -m experiments.analyse --only=code_space` has kernel PCA and t-SNE.)

# %%
run.plot_codes(data.test.images, data.test.labels)

# %% [markdown]
# ## What the codes know
#
# A linear probe and nearest neighbours on the codes, which have never seen a label, beside PCA's:
# the share of test images that are named rightly.

# %%
_, directions = controls.principal_directions(data.train.images, 16, centred=True)
train, test = (controls.unit_rows(split.images) for split in (data.train, data.test))
spaces = {"PCA": (train @ directions, test @ directions)}
spaces |= {n: (r.encode(data.train.images), r.encode(data.test.images)) for n, r in runs.items()}
for name, (known, asked) in spaces.items():
    found = classification.accuracies(known, data.train.labels, asked, data.test.labels)
    found = "   ".join(f"{how.replace('_', ' ')} {share:.1%}" for how, share in found.items())
    print(f"{name:<22}  {found}")
