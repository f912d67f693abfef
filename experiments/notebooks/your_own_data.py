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
# # Bring your own data
#
# Images are arrays `[n, height, width, channels]`, bytes or floats in [0,1]; an array is all `fit`
# asks for. Here: scikit-learn's 8 x 8 digits, standing in for whatever you have.

# %%
import jax
import numpy as np
from sklearn.datasets import load_digits, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

import ae_jax
from ae_jax.sklearn import Autoencoder

# %matplotlib inline
digits = load_digits()
images = (digits.images / 16.0).astype(np.float32)[..., None]
data = ae_jax.from_arrays(images[:1500], images[1500:], digits.target[:1500], digits.target[1500:])
print("images", images.shape, "labels", digits.target.shape)

# %% [markdown]
# A config is a dict of the differences from the defaults. Unknown names are rejected with a list of
# valid ones:

# %%
config = {
    "encoder": {"hidden": (128,)},
    "decoder": {"hidden": (128,), "output": "sigmoid"},
    "model": {"code_size": 8},
    "train": {"batch_size": 100, "epochs": 60},
}
try:
    ae_jax.fit({**config, "model": {"code_sizes": 8}}, data, jax.random.key(0))
except ae_jax.ConfigError as error:
    print(error)

# %%
run = ae_jax.fit(config, data, jax.random.key(0), progress=False)
run.plot_reconstructions(data.test.images[:10])

# %% [markdown]
# ## Which images are strange?
#
# The squared reconstruction error is a score. Digits upside down, which it has never seen, ought to
# score higher.

# %%
upside_down = data.test.images[:, ::-1]
usual, strange = run.score(data.test.images), run.score(upside_down)
print(f"median error {np.median(usual):.2f}; upside down {np.median(strange):.2f}")
assert np.median(strange) > np.median(usual)

# %% [markdown]
# ## Rows of any numbers
#
# For tables there is a scikit-learn estimator, which goes into pipelines and grid searches.

# %%
rows, kinds = load_wine(return_X_y=True)
codes = Autoencoder("undercomplete", code_size=4, random_state=0)
pipeline = make_pipeline(MinMaxScaler(), codes, LogisticRegression())
shares = cross_val_score(pipeline, rows, kinds, cv=3)
print(f"wines named rightly from 4 numbers instead of {rows.shape[1]}: {shares.mean():.0%}")

# %% [markdown]
# On the command line the same arrays are a file: `np.savez("mine.npz", train=..., test=...)`, then
# `python -m experiments.run --config=denoise --config.data.name=mine.npz`.
