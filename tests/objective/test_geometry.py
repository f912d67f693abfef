"""Metrics of decoders that are charts of known surfaces, in closed form; white codes; volumes.

A decoder here is a function of one code, in the place of a model's.
"""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_jax.errors import ConfigError
from ae_jax.model import pipeline
from ae_jax.objective import geometry, objective
from ae_jax.resolve.config import resolve

KEY = jax.random.key(3)
Q = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0].astype(np.float32)


def plane(z):
    return jnp.asarray(Q[:, :2]) @ z


def cylinder(z):
    return jnp.stack([jnp.cos(z[0]), jnp.sin(z[0]), z[1]])


def roll(z):
    """The involute of a circle, by its arc length t^2 / 2 at the angle t, along an axis."""
    t = jnp.sqrt(2 * z[0])
    return jnp.stack([jnp.cos(t) + t * jnp.sin(t), jnp.sin(t) - t * jnp.cos(t), z[1]])


def roll_by_angle(z):
    """The same roll: a step of its first number is as long as the number, H = diag(z_0^2, 1)."""
    return roll(jnp.stack([z[0] ** 2 / 2, z[1]]))


def codes(n=40, m=2):
    return jax.random.uniform(jax.random.key(1), (n, m), minval=2.0, maxval=5.0)


def of(chart):
    """What decodes as the chart does, points as images of one pixel."""
    return SimpleNamespace(decode=lambda variables, z: jax.vmap(chart)(z)[:, None, None, :])


def value(penalty, chart, z=None, **options):
    """The penalty of a batch: one number."""
    z = codes() if z is None else z
    p = SimpleNamespace(z=z, x=jnp.zeros((len(z), 1, 1, 3)))
    found = np.asarray(penalty(p, of(chart), {}, KEY, **options))
    assert found.shape == (len(z),) and np.ptp(found) == 0
    return float(found[0])


@pytest.mark.parametrize("scale", [1.0, 0.03, 50.0])
@pytest.mark.parametrize("chart", [plane, cylinder, roll])
def test_a_chart_by_lengths_is_isometric_at_any_scale(chart, scale):
    assert value(geometry.isometric, lambda z: scale * chart(z)) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("scale", [1.0, 0.03, 50.0])
def test_a_stretched_chart_is_not_by_as_much(scale):
    """H = diag(a^2, b^2): 2 (a^4 + b^4) / (a^2 + b^2)^2 - 1 = ((a^2 - b^2) / (a^2 + b^2))^2."""
    a, b = 1.5, 0.4
    stretch = jnp.array([a, b])
    expected = ((a**2 - b**2) / (a**2 + b**2)) ** 2
    for chart in (plane, cylinder):
        found = value(geometry.isometric, lambda z, chart=chart: scale * chart(stretch * z))
        assert found == pytest.approx(expected, rel=1e-4)


def test_lengths_that_differ_from_code_to_code():
    """H = diag(t^2, 1) of the roll by its angle, at codes mixed in pairs by hand."""
    z = codes()
    np.testing.assert_allclose(
        geometry.metric(of(roll_by_angle), {}, z),
        np.stack([np.diag([t**2, 1]) for t in np.asarray(z[:, 0])]),
        rtol=1e-4,
        atol=1e-4,
    )
    k_pair, k_mix = jax.random.split(KEY)
    a = np.asarray(jax.random.uniform(k_mix, (40, 1), minval=-0.1, maxval=1.1))[:, 0]
    assert a.min() < 0 < 1 < a.max()
    other = np.asarray(jax.random.permutation(k_pair, z))[:, 0]
    t = np.float64(a * np.asarray(z)[:, 0] + (1 - a) * other)
    expected = 2 * np.mean(t**4 + 1) / np.mean(t**2 + 1) ** 2 - 1
    assert value(geometry.isometric, roll_by_angle, eta=0.1) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("chart", [plane, cylinder, lambda z: plane(jnp.array([3.0, 0.1]) * z)])
def test_volumes_that_are_alike_everywhere(chart):
    assert value(geometry.geometric, chart) == pytest.approx(0, abs=1e-8)


def test_volumes_that_differ():
    """det H = t^2 of the roll by its angle; of (e^u, v) it is e^2u."""
    z = np.float64(codes())
    found = value(geometry.geometric, roll_by_angle)
    assert found == pytest.approx(np.var(np.log10(z[:, 0] ** 2)), rel=1e-3)
    found = value(geometry.geometric, lambda z: jnp.stack([jnp.exp(z[0]), z[1], 0 * z[0]]))
    assert found == pytest.approx(np.var(2 * z[:, 0] / np.log(10)), rel=1e-2)


def test_a_number_that_changes_nothing_has_a_volume():
    for chart in (lambda z: plane(z * jnp.array([1.0, 0.0])), lambda z: 0.1 * roll(z)):
        assert np.isfinite(value(geometry.geometric, chart))


def test_white_codes_are_orthogonal():
    z = np.random.default_rng(0).standard_normal((50, 4)) + 1
    n = len(z)
    moment = z.T @ z / n
    white = z @ np.linalg.inv(np.linalg.cholesky(moment)).T
    for Z, expected in ((z, np.linalg.norm(moment - np.eye(4)) ** 2), (white, 0.0)):
        found = value(geometry.orthogonal, plane, jnp.asarray(Z, jnp.float32))
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-10)


@pytest.mark.parametrize("eta", [1.0, 0.01])
def test_the_volume_of_codes_by_hand(eta):
    z = np.random.default_rng(0).standard_normal((50, 4)) * [3, 1, 0.1, 0]
    found = value(geometry.least_volume, plane, jnp.asarray(z, jnp.float32), eta=eta)
    assert found == pytest.approx(np.prod(z.std(0) + eta) ** (1 / 4), rel=1e-5)

    def volume(z):
        return geometry.least_volume(SimpleNamespace(z=z), None, {}, KEY, eta=eta)[0]

    assert np.isfinite(jax.grad(volume)(jnp.asarray(z, jnp.float32))).all(), "of a constant, too"


@pytest.mark.parametrize("name", ["isometric", "geometric", "orthogonal", "least_volume"])
def test_their_gradients_by_finite_differences(name):
    """Of all parameters of a small network, and nothing is random between two calls of a key."""
    raw = {
        "encoder": {"hidden": (7,), "activation": "tanh"},
        "decoder": {"hidden": (7,), "activation": "tanh", "spectral_norm": name == "least_volume"},
        "model": {"code_size": 2},
        "penalties": {name: {"weight": 1.0}},
    }
    config = resolve(raw)
    model = pipeline.build(config, (4, 4, 1))
    variables = model.init(jax.random.key(0))
    params = variables.pop("params")
    batch = pipeline.Batch(jax.random.uniform(jax.random.key(1), (16, 4, 4, 1)))
    term = objective.build(config, model)

    @jax.jit
    def penalty(params):
        return term({"params": params, **variables}, batch, KEY, False)[1][0][name]

    slope = jax.jit(jax.grad(penalty))(params)
    leaves, tree = jax.tree.flatten(params)
    keys = jax.random.split(jax.random.key(5), len(leaves))
    move = [3e-3 * jax.random.normal(k, v.shape) for k, v in zip(keys, leaves, strict=True)]
    up, down = (
        float(
            penalty(
                jax.tree.unflatten(tree, [p + s * d for p, d in zip(leaves, move, strict=True)])
            )
        )
        for s in (0.5, -0.5)
    )
    along = sum(float(jnp.vdot(g, d)) for g, d in zip(jax.tree.leaves(slope), move, strict=True))
    assert up - down == pytest.approx(along, rel=0.02, abs=2e-6)


@pytest.mark.parametrize("name", ["isometric", "geometric"])
def test_decoders_without_a_metric_of_one_code_are_refused(name):
    penalty = {"penalties": {name: {"weight": 1.0}}}
    for other, message in (
        ({"model": {"classes": 3}}, r"model\.classes: must be 0"),
        ({"decoder": {"name": "conv_strided", "batch_norm": True}}, r"decoder\.batch_norm: must"),
        ({"model": {"init": "zero"}}, r"model\.init: must not be 'zero'"),
    ):
        with pytest.raises(ConfigError, match=message):
            resolve(penalty | other)
