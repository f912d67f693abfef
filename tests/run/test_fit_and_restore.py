"""The notebook's door, held against the formulas it stands for."""

import jax
import numpy as np
import pytest

import ae_jax
from ae_jax.data import load


@pytest.fixture(scope="module")
def run(digits):
    config = ae_jax.load_config("undercomplete", train=dict(epochs=2), model=dict(code_size=6))
    return ae_jax.fit(config, load.subset(digits, 600, 100), jax.random.key(0), progress=False)


def weights(run):
    p = run.variables["params"]
    return [
        np.asarray(p[s]["layer_0"][n]) for s in ("encoder", "decoder") for n in ("kernel", "bias")
    ]


@pytest.mark.slow
def test_encode_decode_reconstruct_score(run, digits):
    images = digits.test.images[:7]
    W, b, V, c = weights(run)
    x = 2.0 * images.reshape(7, -1) / 255 - 1
    z = np.tanh(x @ W + b)
    out = (np.tanh(z @ V + c) + 1) / 2
    np.testing.assert_allclose(run.encode(images), z, atol=1e-5)
    np.testing.assert_allclose(run.decode(z).reshape(7, -1), out, atol=1e-5)
    np.testing.assert_allclose(run.reconstruct(images).reshape(7, -1), out, atol=1e-5)
    unit = images.reshape(7, -1) / 255
    np.testing.assert_allclose(run.score(images), ((out - unit) ** 2).sum(1), rtol=1e-4)


@pytest.mark.slow
def test_uint8_float_and_missing_channel_are_the_same_images(run, digits):
    images = digits.test.images[:3]
    for same in (images / 255.0, images[..., 0], (images / 255.0).astype(np.float32)[..., 0]):
        np.testing.assert_allclose(run.encode(same), run.encode(images), atol=1e-5)
    with pytest.raises(ValueError, match=r"\[n, 28, 28, 1\]"):
        run.encode(np.zeros((3, 27, 27)))


def test_interpolation_ends_at_the_two_reconstructions(run, digits):
    a, b = digits.test.images[:2]
    path = run.interpolate(a, b, 5)
    ends = run.reconstruct(digits.test.images[:2])
    np.testing.assert_allclose(path[[0, -1]], ends, atol=1e-5)
    z = run.encode(digits.test.images[:2])
    np.testing.assert_allclose(path[2], run.decode(z.mean(0, keepdims=True))[0], atol=1e-5)


def test_samples_follow_the_codes(run, digits):
    codes = run.encode(digits.train.images[:600])
    np.testing.assert_allclose(run.code_mean, codes.mean(0), atol=1e-4)
    np.testing.assert_allclose(run.code_cov, np.cov(codes, rowvar=False), atol=1e-4)
    assert run.sample(jax.random.key(1), 4).shape == (4, 28, 28, 1)
    assert not np.array_equal(run.sample(jax.random.key(1), 4), run.sample(jax.random.key(2), 4))


@pytest.mark.slow
def test_arrays_and_names_of_configs(digits):
    images = digits.train.images[:300]
    run = ae_jax.fit({"train": {"epochs": 1, "batch_size": 50}}, images, jax.random.key(0), False)
    assert run.reconstruct(images[:2]).shape == (2, 28, 28, 1)
    assert len(run.history["loss"]) == 6  # a tenth of the images is held out
    with pytest.raises(ae_jax.ConfigError, match="did you mean 'denoise'"):
        ae_jax.fit("denois", images, jax.random.key(0))


@pytest.mark.slow
def test_labels_where_the_decoder_needs_them(digits):
    config = ae_jax.load_config(
        "vae", model=dict(classes=10, code_size=3), train=dict(epochs=1, batch_size=100)
    )
    small = load.subset(digits, 300, 50)
    run = ae_jax.fit(config, small, jax.random.key(0), progress=False)
    sevens = run.sample(jax.random.key(0), 5, labels=np.full(5, 7))
    assert sevens.shape == (5, 28, 28, 1)
    with pytest.raises(ae_jax.ConfigError, match=r"model\.classes: 10, but .* no labels"):
        ae_jax.fit(config, small.train.images, jax.random.key(0), progress=False)


def test_restoring_nothing_says_so(tmp_path):
    with pytest.raises(ae_jax.CheckpointError, match=r"no config\.json here"):
        ae_jax.restore(str(tmp_path))


def test_plots_are_figures_of_the_same_numbers(run, digits):
    for figure in (
        run.plot_reconstructions(digits.test.images[:5]),
        run.plot_codes(digits.test.images, digits.test.labels),
        run.plot_filters(),
    ):
        assert figure.axes
    line = run.plot_loss().axes[0].lines[0]
    np.testing.assert_allclose(line.get_ydata(), run.history["loss"], rtol=1e-6)
