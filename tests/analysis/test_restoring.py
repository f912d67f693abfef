"""Energy minimization, inpainting, super-resolution, interpolation: against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import Ridge

import ae_jax
from ae_jax.analysis import (
    energy,
    enlarging,
    filling,
    geodesic,
    inpainting,
    interpolation,
    missing,
)
from ae_jax.errors import ConfigError
from ae_jax.model.corruption import downscale, enlarge, shrink

LINEAR = {"encoder": {}, "decoder": {}, "model": {"code_size": 3}, "train": {"epochs": 2}}


@pytest.fixture(scope="module")
def linear_run():
    """A run whose decoder is x = z V + c, on images of 4 x 4 pixels."""
    rng = np.random.default_rng(0)
    images = rng.uniform(0.2, 0.8, (64, 4, 4, 1)).astype(np.float32)
    config = {**LINEAR, "train": {"epochs": 2, "batch_size": 32}}
    return ae_jax.fit(config, images, jax.random.key(0), progress=False), images


def quadratic(x, datum, shared):
    return jnp.sum(shared * jnp.square(x - datum))


def test_the_minimum_of_a_quadratic_is_found_for_every_problem():
    target = jax.random.normal(jax.random.key(0), (5, 3))
    scale = jnp.array([1.0, 4.0, 0.5])
    found = energy.minimize(quadratic, jnp.zeros((5, 3)), data=target, shared=scale, steps=500)
    np.testing.assert_allclose(found.x, target, atol=2e-3)
    alone = energy.minimize(quadratic, jnp.zeros((1, 3)), data=target[2:3], shared=scale, steps=500)
    np.testing.assert_allclose(found.x[2], alone.x[0], atol=1e-5)
    assert (found.trace[0] > found.trace[-1]).all()


def test_the_constraint_holds_and_the_minimum_is_lagranges():
    """Minimize |x - a|^2 on the plane sum(x) = 1: a moved along (1, 1, 1)."""
    a = np.array([[3.0, -1.0, 0.5], [0.0, 0.0, 0.0]], np.float32)

    def plane(x, datum):
        return x + (1 - x.sum()) / 3

    found = energy.minimize(
        quadratic, jnp.ones((2, 3)), plane, jnp.asarray(a), jnp.float32(1), 600, 0.05
    )
    np.testing.assert_allclose(found.x, a + (1 - a.sum(1, keepdims=True)) / 3, atol=5e-3)
    np.testing.assert_allclose(np.asarray(found.x).sum(1), 1, atol=1e-5)


def test_a_start_is_never_made_worse():
    found = energy.minimize(
        quadratic, jnp.zeros((1, 3)), data=jnp.zeros((1, 3)), shared=jnp.ones(3), learning_rate=5.0
    )
    assert float(found.energy[0]) == 0


@pytest.mark.slow
def test_the_closest_code_of_a_linear_decoder_is_the_ridge_solution(linear_run):
    """The posterior mean of a linear Gaussian model: (B^T B / s + P)^-1 (B^T (y - c) / s + P m)."""
    run, images = linear_run
    V = np.asarray(run.variables["params"]["decoder"]["layer_0"]["kernel"]).T  # [pixels, k]
    c = np.asarray(run.variables["params"]["decoder"]["layer_0"]["bias"])
    prior = energy.prior_of(run, images)
    P, m, s = (np.asarray(v, np.float64) for v in (prior.precision, prior.mean, prior.noise))
    known = missing.scattered(jax.random.key(1), images[:6].shape)
    starts = [np.zeros((6, 3), np.float32), run.encode(images[:6])]
    data = (jnp.asarray(known * images[:6]), jnp.asarray(known))
    found = energy.closest(run, prior, missing.masked, data, starts, steps=800)
    for i in range(6):
        B = known[i].reshape(-1, 1) * V
        y = known[i].ravel() * (images[i].ravel() - c)
        exact = np.linalg.solve(B.T @ B / s + P, B.T @ y / s + P @ m)
        np.testing.assert_allclose(found.x[i], exact, atol=2e-2 * np.abs(exact).max())


def test_masks_miss_what_they_say():
    shape = (400, 28, 28, 1)
    half = missing.scattered(jax.random.key(0), shape)
    assert half.mean() == pytest.approx(0.5, abs=0.005)
    box = missing.boxes(jax.random.key(0), shape)
    assert ((1 - box).sum((1, 2, 3)) == 64).all()
    corners = [np.argwhere(image[..., 0] == 0)[0] for image in box]
    assert set(np.ravel(corners)) == {8, 9, 10, 11}
    for size in (4, 8):  # half of a small image at most
        small = missing.boxes(jax.random.key(0), (9, 8, 8, 1), size)
        assert ((1 - small).sum((1, 2, 3)) == 16).all()


def test_only_missing_pixels_count():
    known = np.ones((1, 2, 2, 1), np.float32)
    known[0, 0, 0] = 0
    images, guess = np.zeros((1, 2, 2, 1), np.float32), np.full((1, 2, 2, 1), 0.5, np.float32)
    assert missing.mse(known, images, guess) == 0.25
    assert missing.fill(known, images, guess).sum() == 0.5


def test_the_linear_filling_is_the_conditional_mean_of_a_gaussian():
    """Regression of every missing pixel on the known ones, by scikit-learn."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(500, 3)) @ rng.normal(size=(3, 9)) * 0.1 + 0.5
    rows = (rows + 0.05 * rng.normal(size=rows.shape)).astype(np.float32)
    train, images = rows[:490].reshape(-1, 3, 3, 1), rows[490:].reshape(-1, 3, 3, 1)
    known = missing.scattered(jax.random.key(3), images.shape)
    found = filling.linear(known, images, train).reshape(10, 9)
    ridge = 0.1 * rows[:490].var(0, ddof=1).mean() * 489
    for x, k, ours in zip(rows[490:], known.reshape(10, 9) > 0, found, strict=True):
        np.testing.assert_array_equal(ours[k], x[k])
        if k.any() and not k.all():
            fitted = Ridge(ridge).fit(train.reshape(-1, 9)[:, k], train.reshape(-1, 9)[:, ~k])
            np.testing.assert_allclose(ours[~k], fitted.predict(x[None, k]).ravel(), atol=1e-4)


def test_ours_is_not_chosen_by_what_is_reported():
    rng = np.random.default_rng(0)
    images = rng.uniform(size=(30, 8, 8, 1)).astype(np.float32)
    ways = (*inpainting.LEARNT, "linear", "Telea", "mean image", "gray")
    off = {way: n + 1 for n, way in enumerate(ways)}
    known = missing.boxes(jax.random.key(0), images.shape)
    guesses = {way: images + 0.05 * n * rng.choice([-1, 1], images.shape) for way, n in off.items()}
    gain = inpainting.compared("energy", known, images, guesses)
    table = inpainting.scores(known, images, guesses)
    numbers = {"gains": {"gray box": gain}, "gray box": table}
    control = {"gray box": {}, "linear": {}}
    assert gain["ours"] == "energy" and gain["theirs"] == "linear", "the denoiser did better"
    assert gain["classical"] == "Telea" and gain["gain_db"] > 2 * gain["gain_error_db"] > 0
    assert "gray box: energy wins" in inpainting.judge(numbers, control)
    numbers["gray box"]["energy"] = numbers["gray box"]["energy"] | {"psnr_db": 0.0}
    assert "energy does not work" in inpainting.judge(numbers, control)


@pytest.mark.parametrize("absent", [False, True])
def test_classical_methods_keep_what_is_known_and_continue_a_constant(absent, monkeypatch):
    if absent:
        monkeypatch.setattr(filling.importlib.util, "find_spec", lambda name: None)
    image = np.full((1, 12, 12, 1), 0.6, np.float32)
    known = missing.boxes(jax.random.key(0), image.shape, 4)
    for name, method in filling.classical().items():
        np.testing.assert_allclose(
            filling.apply_each(method, image, known), image, atol=0.01, err_msg=name
        )


def test_shrinking_is_the_mean_and_enlarging_is_bicubic():
    images = np.random.default_rng(0).uniform(size=(2, 8, 12, 1)).astype(np.float32)
    small = np.asarray(shrink(jnp.asarray(images), 4))
    assert small.shape == (2, 2, 3, 1)
    assert small[1, 1, 2, 0] == pytest.approx(images[1, 4:, 8:].mean())
    theirs = Image.fromarray(images[0, ..., 0]).resize((24, 16), Image.Resampling.BICUBIC)
    np.testing.assert_allclose(enlarge(jnp.asarray(images), 2)[0, ..., 0], theirs, atol=2e-5)
    with pytest.raises(ConfigError, match=r"corruption.factor: 3 does not divide"):
        shrink(jnp.asarray(images), 3)
    noisy = downscale(jax.random.key(0), jnp.asarray(images), (0.0, 1.0), factor=4)
    np.testing.assert_allclose(noisy, enlarge(jnp.asarray(small), 4))


def test_consistent_images_have_the_given_means_and_are_the_closest():
    rng = np.random.default_rng(0)
    images = rng.uniform(0.4, 0.6, (3, 8, 8, 1)).astype(np.float32)
    small = rng.uniform(0.45, 0.55, (3, 4, 4, 1)).astype(np.float32)
    made = enlarging.consistent(images, small, 2)
    np.testing.assert_allclose(shrink(jnp.asarray(made), 2), small, atol=1e-6)
    A = np.kron(np.kron(np.eye(4), [[0.5, 0.5]]), np.kron(np.eye(4), [[0.5, 0.5]]))
    for x, y, ours in zip(images, small, made, strict=True):
        exact = x.ravel() + np.linalg.pinv(A) @ (y.ravel() - A @ x.ravel())
        np.testing.assert_allclose(ours.ravel(), exact, atol=1e-5)


def test_a_straight_line_has_its_ends_and_equal_steps():
    line = interpolation.straight(np.zeros((2, 3)), np.ones((2, 3)), np.linspace(0, 1, 5))
    np.testing.assert_allclose(line[1, :, 2], [0, 0.25, 0.5, 0.75, 1])


@pytest.mark.slow
def test_the_geodesic_of_a_linear_decoder_is_the_straight_line(linear_run):
    run, images = linear_run
    a, b = run.encode(images[:4]), run.encode(images[4:8])
    line = interpolation.straight(a, b, np.linspace(0, 1, 11))
    found = geodesic.shortest(run, line)
    np.testing.assert_allclose(found, line, atol=0.02 * np.abs(a - b).max())


@pytest.mark.slow
def test_a_geodesic_is_shorter_than_the_line_where_the_decoder_bends(digits):
    config = {
        "encoder": {"hidden": (32,)},
        "decoder": {"hidden": (32,), "output": "sigmoid"},
        "model": {"code_size": 4},
        "optim": {"learning_rate": 1e-2},
        "train": {"epochs": 40, "batch_size": 50},
    }
    run = ae_jax.fit(config, digits.train.images[:500], jax.random.key(0), progress=False)
    images = digits.test.images[:20] / np.float32(255)
    a, b = run.encode(images[:10]), run.encode(images[10:])
    length = {}
    line = interpolation.straight(a, b, np.linspace(0, 1, 11))
    for name, codes in (("line", line), ("geodesic", geodesic.shortest(run, line))):
        decoded = run.decode(codes.reshape(-1, 4)).reshape(10, 11, 28, 28, 1)
        length[name] = geodesic.length(decoded)
    assert (length["geodesic"] <= length["line"] + 1e-3).all()
    assert length["geodesic"].mean() < 0.99 * length["line"].mean()


def test_a_copy_is_at_distance_nought():
    images = np.random.default_rng(0).uniform(size=(6, 4, 4, 1)).astype(np.float32)
    found = interpolation.nearest_distance(np.concatenate([images[:2], images[:1] + 0.25]), images)
    np.testing.assert_allclose(found, [0, 0, 1.0], atol=1e-3)
