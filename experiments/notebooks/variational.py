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
# # Variational and conditional: codes that can be drawn
#
# *Follows the companion notebook of "Intro to Autoencoders" by Adrian Pacurar (The Mathy Bit, 2018;
# `autoencoders.ipynb` in github.com/mathybit/ml-tutorials): its variational network, what becomes
# of it without the penalty, walks between random codes, and the conditional network with its
# repairs.*
#
# A plain autoencoder says nothing about where its codes lie, so random codes decode to scrawls. The
# cure (Kingma & Welling 2014): an encoder that delivers a mean and a deviation for each number, and
# a penalty that keeps the codes close to N(0, 1).

# %%
import jax
import numpy as np

import ae_jax
from ae_jax import figures
from ae_jax.analysis import Study, interpolation, missing, sampling
from ae_jax.figures.panels import image_blocks

# %matplotlib inline
data = ae_jax.load_data("mnist5k")
images, labels = data.test.images, data.test.labels
clean = images / 255.0


def trained(name, **fields):
    return ae_jax.fit(ae_jax.load_config(name, **fields), data, jax.random.key(0), progress=False)


def mse(run):
    return run.score(images).mean() / 784


# %% [markdown]
# ## Thirty numbers
#
# The notebook's network is 784-250-(30, 30)-320-784. Are its codes N(0, 1)? Here are the means of
# eight of them on test images:

# %%
LIMIT = {"penalties.gaussian_kl.until_epoch": 200}
vae = trained("vae:keras,limited", **LIMIT, **{"train.epochs": 200})
figures.code_histograms(vae.encode(images)[:, :8], "Eight of the 30 numbers, at their means")

# %% [markdown]
# They are bell-shaped and centered. The penalty asks for N(0, 1) with the deviations included, so
# the means of a number that the network makes much use of are wide, and those of the others narrow.
#
# Then the notebook continues without the penalty ("limited loss"). The reconstructions get sharper,
# and samples from N(0, I) fall apart. A classifier that also knows what is no digit says which
# share it is sure of (more than 90%):

# %%
config = ae_jax.load_config("vae:keras,limited", **LIMIT, **{"train.epochs": 350})
limited = ae_jax.fit(config, data, jax.random.key(0), progress=False, start=vae)
judge = Study(vae, data, jax.random.key(0)).classifier
print(f"the judge names {judge.accuracy:.1%} of the test images correctly")
samples = {}
for name, run in (("variational", vae), ("limited", limited)):
    samples[name] = run.sample(jax.random.key(3), 600)
    recognizable = judge.recognizable(samples[name])
    print(f"{name:<12}  mse per pixel {mse(run):.4f}, samples {recognizable:.0%} recognizable")
assert mse(limited) < mse(vae)
image_blocks({name: v[:24] for name, v in samples.items()}, "Samples from N(0, I)", side=56)

# %% [markdown]
# ## Six numbers
#
# Thirty numbers are many for 4,000 digits, and most random codes are still no digit. Two changes
# help: fewer numbers, and a heavier penalty, so that the codes fill their space. Here are six, in a
# deeper network, next to the *same* network without penalty and noise, a plain autoencoder. Each is
# sampled from N(0, I), from the Gaussian of its training codes, and from a mixture of 30 Gaussians
# that is fitted to them.

# %%
TRAINING = {"train.batch_size": 200, "train.epochs": 60}
small = trained(
    "vae:deep", **TRAINING, **{"model.code_size": 6, "penalties.gaussian_kl.weight": 2.0}
)
config = {
    name: small.config.to_dict()[name]
    for name in ("encoder", "decoder", "model", "loss", "optim", "train")
}
plain = ae_jax.fit(config, data, jax.random.key(0), progress=False)
WAYS = ("standard normal", "Gaussian", "mixture")
made = {}
for name, run in {"plain": plain, "variational": small}.items():
    drawn = sampling.samplers(run.encode(data.train.images), jax.random.key(4), 600)
    made |= {f"{name}, {'N(0, I)' if w == WAYS[0] else w}": run.decode(drawn[w]) for w in WAYS}
share = {name: judge.recognizable(v) for name, v in made.items()}
for name, value in share.items():
    print(f"{name:<22}  {value:.0%} recognizable")
print(f"{'test images':<22}  {judge.recognizable(clean):.0%} recognizable")
assert share["variational, N(0, I)"] > share["plain, N(0, I)"] + 0.1

# %%
image_blocks(
    {f"{name}, {share[name]:.0%}": v[:24] for name, v in made.items()},
    "Random codes, decoded; the share that the judge is sure of",
    side=56,
)

# %% [markdown]
# N(0, I) is what a variational network is made for, and there it is well ahead of a plain one. The
# plain network catches up for those who take the trouble to find out where its codes lie: the
# mixture does that, and it helps the variational network as well.
#
# A walk from one random code to the next, all with the variational network:

# %%
stops = np.asarray(jax.random.normal(jax.random.key(5), (4, 6)))
walk = interpolation.straight(stops[:-1], stops[1:], np.linspace(0, 1, 10))
figures.image_rows(
    {f"walk {i + 1}": small.decode(z) for i, z in enumerate(walk)}, "Between random codes"
)

# %% [markdown]
# ## The conditional network
#
# Tell the decoder the digit, and the code need not say it again. One column for each label, one
# random code for each row:

# %%
cvae = trained("cvae", **{"train.batch_size": 50, "train.epochs": 6})
z = np.asarray(jax.random.normal(jax.random.key(6), (4, 10)))
wanted = np.tile(np.arange(10), (4, 1))
grid = cvae.decode(np.repeat(z, 10, axis=0), wanted.ravel())
figures.image_rows(
    {f"code {i + 1}": row for i, row in enumerate(grid.reshape(4, 10, 28, 28, 1))},
    "One code a row, one label a column",
)

# %%
asked = np.tile(np.arange(10), 60)
drawn = cvae.decode(np.asarray(jax.random.normal(jax.random.key(7), (600, 10))), asked)
p = judge.probabilities(drawn)
print(
    f"conditional, N(0, I): {(p.max(1) > 0.9).mean():.0%} recognizable, "
    f"{(p.argmax(1) == asked).mean():.0%} taken for the digit that was asked for"
)
assert (p.argmax(1) == asked).mean() > 0.8

# %% [markdown]
# The notebook's last trick is a repair: a black box of 8 x 8 pixels, and the network, which knows
# the label, fills it. It was never trained to, so it is one pass through a network that maps
# everything to digits.

# %%
known = missing.boxes(jax.random.key(8), clean.shape)
damaged = known * clean
outputs = cvae.reconstruct(damaged, labels)
repaired = missing.fill(known, clean, outputs)
rows = {"original": clean, "damaged": damaged, "reconstruction": outputs, "repaired": repaired}
figures.image_rows({name: v[:10] for name, v in rows.items()}, "An 8 x 8 box repaired")

# %%
for name, v in {"black": damaged, "repaired": repaired}.items():
    print(f"{name:<9} mse on the missing pixels {missing.mse(known, clean, v):.4f}")
assert missing.mse(known, clean, repaired) < missing.mse(known, clean, damaged)

# %% [markdown]
# Not a bad guess for a single pass, though the box shows. The notebook `applications` does better,
# by searching for the code that fits the known pixels.
