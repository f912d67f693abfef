"""A run in a notebook: its table says what the config, the arrays and the history say."""

import jax
import numpy as np

from ae_jax.data.arrays import from_arrays, hold_out
from ae_jax.inputs.examples import Examples
from ae_jax.inputs.scaler import Scaler
from ae_jax.run.fitting import fit
from tests.page import Page

RNG = np.random.default_rng(0)
SMALL = {
    "name": "<b>mine</b>",
    "corruption": {"name": "gaussian"},
    "encoder": {"hidden": (6,)},
    "model": {"code_size": 4},
    "penalties": {"l1": {"weight": 0.1}},
    "train": {"batch_size": 10, "epochs": 2},
}


def test_a_run_shows_what_was_trained_how_far_and_the_last_losses():
    x = RNG.integers(0, 256, (50, 5, 3), dtype=np.uint8)
    data = hold_out(from_arrays(x[:40], x[40:], name="a & b"), 10, 0)
    run = fit(SMALL, data, jax.random.key(0), progress=False)
    text = run._repr_html_()
    page = Page(text)
    n = 15 * 6 + 6 + 6 * 4 + 4 + 4 * 15 + 15
    assert page.captions == ["Run <b>mine</b>"] and "<b>mine" not in text
    last = {f"last {name}": f"{v[-1]:.6g}" for name, v in run.history.items()}
    assert {"last loss", "last l1"} <= set(last)
    assert page.said == {
        "data": "a & b, 30 training images 5 x 3 x 1",
        "network": "gaussian noise -> dense -> 4 -> dense",
        "code size": "4",
        "parameters": f"{n}",
        "epochs": "2 in the config; 6 steps done",
        "loss": "squared_error per pixel",
        **last,
        "last validation loss": f"{run.valid.losses[-1]:.6g}",
        "lowest": f"{run.valid.losses.min():.6g}, step {run.valid.best}",
    }
    bare = Page(run._replace(origin=None, valid=None, history={}, state=None)._repr_html_())
    assert bare.said["data"] == "images 5 x 3 x 1"
    assert bare.said["epochs"] == "2 in the config", "nothing is known of steps"
    assert repr(run).endswith(" parameters, 6 steps)")
    assert repr(run._replace(history={}, state=None)).endswith(f" {n} parameters)")
    assert repr(run._replace(state=None)).endswith(", 6 steps)")
    signals = Scaler(Examples("signal"), np.zeros(1), np.ones(1))
    assert Page(run._replace(scaler=signals)._repr_html_()).said["data"].endswith("signals 3 x 1")
    assert repr(run._replace(scaler=signals)).startswith(
        "Run(<b>mine</b>: signals 3 x 1, code of 4"
    )
