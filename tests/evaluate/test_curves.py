"""Points of a known curve: the posterior mean against integrals, networks against it."""

import jax
import numpy as np
import pytest
from scipy import integrate

from ae_jax.analysis import curve, finding
from ae_jax.data.load import load_data
from ae_jax.evaluate import manifold, posterior
from ae_jax.resolve.config import load_config
from ae_jax.run import fitting

KEY = jax.random.key(0)


@pytest.mark.parametrize("lowest", [None, 0.0, 0.1, 0.3])
def test_posterior_mean_of_three_points_is_bayes_rule(lowest):
    """p(x~ | x) = the mean over levels of N(x~; x, s^2 I), integrated by QUADPACK."""
    sigma, atoms = 0.3, np.array([[0.0, 0.0], [1.0, 0.0], [0.3, 0.8]])
    noisy = np.random.default_rng(0).uniform(-0.5, 1.5, (20, 2))

    def density(d):
        def at(s):
            return np.exp(-((d / s) ** 2) / 2) / s**2

        if lowest in (None, sigma):
            return at(sigma)
        return integrate.quad(at, max(lowest, 1e-6), sigma, epsabs=0)[0]

    for x, found in zip(noisy, posterior.posterior_mean(noisy, atoms, sigma, lowest), strict=True):
        weight = np.array([density(np.linalg.norm(x - a)) for a in atoms])
        np.testing.assert_allclose(found, weight @ atoms / weight.sum(), rtol=1e-6, atol=1e-9)


def test_posterior_mean_far_away_is_the_nearest_point():
    atoms = np.array([[0.0, 0.0], [0.1, 0.0]])
    far = np.array([[-30.0, 0.0], [40.0, 1.0]])
    for lowest in (None, 0.0, 0.01):
        found = posterior.posterior_mean(far, atoms, 0.02, lowest)
        np.testing.assert_allclose(found, atoms, atol=1e-12)


def test_distance_from_a_curve_is_that_from_a_circle():
    angle = np.linspace(0, 2 * np.pi, 20_001)
    circle = np.stack([np.cos(angle), np.sin(angle)], -1)
    points = np.random.default_rng(0).normal(size=(50, 2))
    away = np.abs(np.linalg.norm(points, axis=1) - 1)
    np.testing.assert_allclose(posterior.to_curve(points, circle), away, atol=1e-6)


@pytest.fixture(scope="module", params=["spiral", "spiral:noisy"])
def denoised(request):
    """A run of fewer epochs than the config's, and its numbers."""
    run = fitting.fit(load_config(request.param, **{"train.epochs": 200}), "spiral", KEY, False)
    numbers = manifold.summary(
        run.model, run.variables, "spiral", run.config.corruption, jax.random.key(1)
    )
    return run, numbers


@pytest.mark.long
def test_noisy_points_come_back_as_far_as_any_denoiser_brings_them(denoised):
    """At noise 0.06 that is onto the curve, at 0.12 it is not: branches are 0.3 apart."""
    run, numbers = denoised
    left, least = (
        numbers[k] / numbers["noisy_to_curve"] for k in ("output_to_curve", "best_output_to_curve")
    )
    assert 1 <= numbers["mse_over_best"] < 1.1
    assert left < least + 0.08
    assert numbers["moved_on_curve"] < 0.03
    assert 0.8 < numbers["moved_at_corners"] < 1.2
    if run.config.name == "spiral":
        assert left < 0.2
    else:
        assert least > 0.25


@pytest.mark.long
def test_ridges_stand_between_the_branches(denoised):
    """The network's distances on the grid are those of the posterior mean inside the spiral."""
    run, _ = denoised
    found = manifold.vector_field(run.model, run.variables, 41)
    best = manifold.best_field(run.model, "spiral", run.config.corruption, 41)
    inside = np.linalg.norm(found.grid, axis=1) < 0.45
    ours, theirs = (np.linalg.norm(f.displacement[inside], axis=1) for f in (found, best))
    assert np.corrcoef(ours, theirs)[0, 1] > 0.85
    assert ours.max() > 0.07  # the branches are 0.15 from the line halfway


@pytest.fixture(scope="module")
def unrolled():
    """A run of fewer epochs than the config's."""
    return fitting.fit(load_config("spiral:unroll", **{"train.epochs": 60}), "curve3d", KEY, False)


@pytest.mark.slow
def test_one_code_unrolls_the_helix(unrolled):
    found = manifold.unroll(unrolled.model, unrolled.variables, "curve3d")
    assert found.order > 0.999
    assert np.all(np.diff(found.codes) > 0) or np.all(np.diff(found.codes) < 0)
    within = (found.line >= found.codes.min()) & (found.line <= found.codes.max())
    fine, _ = manifold.on_curve(unrolled.model, "curve3d", manifold.FINE)
    assert posterior.to_curve(found.decoded[within], fine).max() < 0.05
    assert posterior.to_curve(found.decoded[~within], fine).max() > 0.1  # nothing is known there


def study(run, name):
    return finding.Study(run, load_data(name), KEY)


@pytest.mark.long
def test_each_curve_has_its_picture(denoised, unrolled):
    run, _ = denoised
    assert set(curve.figures(run, "spiral", KEY)) == {"field"}
    assert set(curve.figures(unrolled, "curve3d", KEY)) == {"unrolled"}
    found = curve.APPLICATION(study(unrolled, "curve3d"), KEY)
    assert set(found.figures) == {"", "unrolled"}
    assert "rank correlation of code and place 0.99" in found.sentence or "1.0" in found.sentence


@pytest.mark.slow
def test_a_curve_without_noise_has_a_field_without_the_best(unrolled):
    config = load_config("spiral", **{"corruption.name": "none", "train.epochs": 1})
    run = fitting.fit(config, "spiral", KEY, False)
    found = curve.APPLICATION(study(run, "spiral"), KEY)
    assert "best_output_to_curve" not in found.control and "field" in found.figures


def test_equal_sensitivities_tie():
    rng = np.random.default_rng(0)
    along, across = np.exp(rng.normal(size=(2, 400)))

    def said(along, across):
        ratio = curve.sensitivity(along, across)
        return curve.judge({"moved_on_curve": 0.0, "log_along_over_across": ratio}, {})

    assert said(along, across).startswith("along and across tie")
    assert said(3 * along, across).startswith("along wins")
    assert said(along, 3 * across).startswith("across wins")
