"""Denoising against what is known: optimal linear maps, scores of Gaussians, the spiral."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from ae_jax.data.arrays import Split
from ae_jax.evaluate import baselines, manifold
from ae_jax.model.corruption import CORRUPTIONS, affine
from ae_jax.model.pipeline import Batch, Forward
from ae_jax.objective.losses import emphasised_squared_error, squared_error
from ae_jax.resolve.config import load_config, resolve
from ae_jax.train import loop, setup

KEY = jax.random.key(0)


def fit(config, images):
    trainer = setup.prepare(config, images.shape[1:], len(images))
    state = trainer.init(KEY, jnp.zeros(images.shape[1:]))
    for chunk in loop.train(trainer, state, Split(images, None), KEY):
        state = chunk.state
    return trainer.model, state.variables


def points(rows):
    return np.asarray(rows, np.float32).reshape(len(rows), 1, 1, -1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "noise", [{"name": "mask", "rate": 0.4}, {"name": "gaussian", "sigma": 0.5}]
)
def test_linear_model_converges_to_the_optimal_linear_denoiser(noise):
    """W_enc W_dec = E[x~ x~^T]^-1 E[x~ x^T], marginalized over the noise."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(4000, 4)) @ np.array(
        [[1.0, 0.5, 0, 0], [0, 0.8, 0.3, 0], [0, 0, 0.5, 0.2], [0.3, 0, 0, 0.6]]
    )
    config = resolve(
        {
            "corruption": noise,
            "encoder": {"bias": False},
            "decoder": {"bias": False},
            "model": {"code_size": 4},
            "optim": {"learning_rate": 1e-2, "schedule": "cosine", "final_fraction": 0.0},
            "train": {"batch_size": 500, "epochs": 400},
        }
    )
    _, variables = fit(config, points(rows))
    p = variables["params"]
    ours = np.asarray(p["encoder"]["layer_0"]["kernel"] @ p["decoder"]["layer_0"]["kernel"])
    S = rows.T @ rows / len(rows)
    if noise["name"] == "mask":
        A, B = 0.36 * S + 0.24 * np.diag(np.diag(S)), 0.6 * S
    else:
        A, B = S + 0.25 * np.eye(4), S
    optimum = np.linalg.solve(A, B)
    assert np.abs(ours - optimum).max() < 0.02 * np.abs(optimum).max()


def score_model(rows, sigma):
    config = resolve(
        {
            "corruption": {"name": "gaussian", "sigma": sigma},
            "encoder": {"hidden": (64, 64), "activation": "tanh"},
            "decoder": {"hidden": (64,), "activation": "tanh"},
            "model": {"code_size": 32},
            "optim": {"learning_rate": 5e-3, "schedule": "cosine", "final_fraction": 0.0},
            "train": {"batch_size": 1000, "epochs": 300},
        }
    )
    return fit(config, points(rows))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gaussian", "mixture"])
def test_denoiser_is_the_score_of_the_smoothed_density(kind):
    """(r(x) - x) / sigma^2 = grad log p_sigma(x) (Alain & Bengio 2014; Tweedie's formula)."""
    rng, sigma, n = np.random.default_rng(0), 0.5, 10_000
    if kind == "gaussian":
        centers, spread = np.zeros((1, 2)), np.array([1.0, 0.4])
    else:
        centers, spread = np.array([[-1.0, 0.0], [1.0, 0.5]]), np.array([0.3, 0.3])
    which = rng.integers(len(centers), size=n)
    rows = centers[which] + rng.normal(size=(n, 2)) * spread
    model, variables = score_model(rows, sigma)
    x = rows[:2000] + sigma * rng.normal(size=(2000, 2))
    ours = (manifold.reconstruct(model, variables, x) - x) / sigma**2
    variance = spread**2 + sigma**2
    away = x[:, None, :] - centers[None]
    log_p = -0.5 * np.sum(away**2 / variance, -1)
    responsibility = np.exp(log_p - log_p.max(1, keepdims=True))
    responsibility /= responsibility.sum(1, keepdims=True)
    score = np.sum(responsibility[..., None] * -away / variance, 1)
    assert np.mean((ours - score) ** 2) < 0.01 * np.mean(score**2)


def test_the_four_corners_of_any_scale_are_corners():
    for low in (-1.0, 0.0):
        t = np.linspace(low, 1.0, 5)
        grid = np.stack(np.meshgrid(t, t), -1).reshape(-1, 2)
        at = [(x in (low, 1.0)) and (y in (low, 1.0)) for x, y in grid]
        moved = np.where(np.array(at)[:, None], [3.0, 4.0], [100.0, 0.0])
        assert manifold.Field(grid, moved).at_corners == 5.0
        moved[0] = 0.0  # one of four
        assert manifold.Field(grid, moved).at_corners == 3.75


LEVELS = {
    "mask": {"rate": 0.3},
    "dropout": {"rate": 0.3},
    "gaussian": {"sigma": 0.2},
    "salt_and_pepper": {"rate": 0.3},
    "box": {"size": 3},
}


@pytest.mark.parametrize("name", LEVELS)
def test_noise_has_the_moments_it_says(name):
    x = jnp.full((400, 10, 10, 1), 0.6)
    noisy = np.asarray(CORRUPTIONS[name](KEY, x, (0.0, 1.0), **LEVELS[name]))
    mean, square = {
        "mask": (0.7 * 0.6, 0.7 * 0.36),
        "dropout": (0.6, 0.36 / 0.7),
        "gaussian": (0.6, 0.36 + 0.04),
        "salt_and_pepper": (0.7 * 0.6 + 0.15, 0.7 * 0.36 + 0.15),
        "box": (0.91 * 0.6 + 0.09 * 0.5, 0.91 * 0.36 + 0.09 * 0.25),
    }[name]
    assert noisy.mean() == pytest.approx(mean, abs=0.01)
    assert np.square(noisy).mean() == pytest.approx(square, abs=0.01)


@pytest.mark.parametrize("name", ["mask", "gaussian", "salt_and_pepper"])
def test_no_noise_is_the_image_bit_for_bit(name):
    x = jax.random.uniform(KEY, (3, 5, 5, 1))
    option = "sigma" if name == "gaussian" else "rate"
    assert jnp.array_equal(CORRUPTIONS[name](KEY, x, (0.0, 1.0), **{option: 0.0}), x)


def test_each_image_draws_its_own_level():
    x = jnp.ones((2000, 20, 20, 1))
    noisy = np.asarray(CORRUPTIONS["mask"](KEY, x, (0.0, 1.0), rate=0.8, lowest=0.2))
    levels = 1 - noisy.mean((1, 2, 3))
    # Uniform on [0.2, 0.8] plus the binomial spread of 400 pixels.
    assert levels.mean() == pytest.approx(0.5, abs=0.02)
    assert levels.std() == pytest.approx(np.sqrt(0.6**2 / 12 + 0.22 / 400), abs=0.01)


def test_emphasis_weighs_corrupted_and_kept_pixels():
    x, noisy = jnp.array([1.0, 1.0, 1.0, 0.5]), jnp.array([0.0, 1.0, 1.0, 0.0])
    x_hat = jnp.array([0.5, 0.0, 1.0, 0.0])
    x, noisy, x_hat = (v.reshape(1, 2, 2, 1) for v in (x, noisy, x_hat))
    p = Forward(x, noisy, h=None, z=None, code=None, pre_activation=None, x_hat=x_hat)
    loss = emphasised_squared_error(p, corrupted=2.0, kept=0.5)
    assert float(loss[0].sum()) == pytest.approx(2.0 * (0.25 + 0.25) + 0.5 * 1.0)
    same = emphasised_squared_error(p, corrupted=1.0, kept=1.0)
    np.testing.assert_allclose(same, squared_error(p))


@pytest.mark.long
def test_denoising_beats_the_best_linear_denoiser(digits):
    config = load_config("denoise", train={"epochs": 60})
    model, variables = fit(config, digits.train.images)
    x = jnp.asarray(2 * baselines.unit_rows(digits.test.images) - 1).reshape(-1, 28, 28, 1)
    p = model.run(variables, Batch(x), KEY, corrupt=True)
    linear = baselines.linear_denoiser_mse(model, digits.train.images, digits.test.images, KEY)
    assert float(jnp.mean((p.x_hat - x) ** 2)) / 4 < 0.85 * linear


@pytest.mark.slow
def test_affine_maps_are_those_of_scipy():
    rng = np.random.default_rng(0)
    x = rng.random((3, 9, 7, 2), np.float32)
    A = np.eye(2) + rng.uniform(-0.3, 0.3, (3, 2, 2))
    t = rng.uniform(-2, 2, (3, 2))
    found = affine(jnp.asarray(x), jnp.asarray(A), jnp.asarray(t), -1.0)
    middle = np.array([4.0, 3.0])
    for n in range(3):
        offset = middle - A[n] @ middle + t[n]
        for c in range(2):
            truth = ndimage.affine_transform(
                x[n, ..., c], A[n], offset, order=1, mode="grid-constant", cval=-1.0
            )
            np.testing.assert_allclose(found[n, ..., c], truth, atol=1e-5)


@pytest.mark.slow
def test_warp_moves_as_far_as_it_says():
    """The center of mass of a spot moves by a uniform number of pixels."""
    x = jnp.zeros((400, 21, 21, 1)).at[:, 9:12, 9:12].set(1.0)
    moved = np.asarray(CORRUPTIONS["warp"](KEY, x, (0.0, 1.0), stretch=0.0, shift=3.0))[..., 0]
    mass = moved.sum((1, 2))
    np.testing.assert_allclose(mass, 9, rtol=1e-5)  # a shift keeps the ink
    for other in (1, 2):  # sum over columns, over rows
        center = (moved.sum(3 - other) * (np.arange(21) - 10)).sum(1) / mass
        assert 2.8 < np.abs(center).max() <= 3.0001
        assert abs(center.mean()) < 0.3 and abs(center.std() - np.sqrt(3)) < 0.2  # uniform in +-3
    still = CORRUPTIONS["warp"](KEY, x, (0.0, 1.0), stretch=0.0, shift=0.0)
    np.testing.assert_array_equal(still, x)
