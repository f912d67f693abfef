"""The critic: its optimum between two Gaussians, reversed gradients by differences, refusals."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import integrate, stats

import ae_jax
from ae_jax.errors import ConfigError
from ae_jax.model.compiled import once
from ae_jax.model.pipeline import Batch, build
from ae_jax.objective import objective as objective_lib
from ae_jax.objective.adversarial import AdversarialPenalty
from ae_jax.streams import stream

MEAN, DEVIATION = 1.0, 0.7  # of the codes; the prior is N(0, 1)


def forward(z):
    return type("Forward", (), {"z": jnp.asarray(z, jnp.float32)})


def model(size):
    return build(ae_jax.load_config("undercomplete", **{"model.code_size": size}), (2, 2, 1))


def critic(own, v):
    """D in numpy: layers one by one, a leaky ReLU of slope 0.2 between them."""
    layers = {n: jax.tree.map(lambda v: np.asarray(v, np.float64), own[n]) for n in own}
    v = np.asarray(v, np.float64)
    for i in range(len(layers) - 1):
        v = v @ layers[f"layer_{i}"]["kernel"] + layers[f"layer_{i}"]["bias"]
        v = np.where(v > 0, v, 0.2 * v)
    return (v @ layers["logit"]["kernel"] + layers["logit"]["bias"])[:, 0]


def halves(own, e, z):
    """(-log s(D(e)), -log(1 - s(D(z)))) in numpy."""
    return np.log1p(np.exp(-critic(own, e))), np.log1p(np.exp(critic(own, z)))


def test_the_best_critic_is_the_log_density_ratio():
    """Of two known Gaussians; and it leaves 2 log 2 - 2 JSD, by quadrature."""
    q, p = stats.norm(MEAN, DEVIATION), stats.norm()

    def integrand(z):
        m = (q.pdf(z) + p.pdf(z)) / 2
        return sum(d.pdf(z) / 2 * (d.logpdf(z) - math.log(m)) for d in (q, p))

    least = 2 * math.log(2) - 2 * integrate.quad(integrand, -10, 10, limit=200)[0]
    penalty, net = AdversarialPenalty((32, 32)), model(1)
    own = penalty.init(jax.random.key(0), forward(np.zeros((2, 1))), net, {}, jax.random.key(0))
    optimizer = optax.adam(optax.cosine_decay_schedule(1e-2, 1000))

    def term(own, key):
        k_codes, k = jax.random.split(key)
        z = MEAN + DEVIATION * jax.random.normal(k_codes, (2000, 1))
        return penalty.apply(own, forward(z), net, {}, k).mean()

    @jax.jit
    def train(own):
        def step(carry, key):
            updates, memory = optimizer.update(jax.grad(term)(carry[0], key), carry[1])
            return (optax.apply_updates(carry[0], updates), memory), None

        keys = jax.random.split(jax.random.key(1), 1000)
        return jax.lax.scan(step, (own, optimizer.init(own)), keys)[0][0]

    own = train(own)
    keys = jax.random.split(jax.random.key(2), 100)
    found = np.asarray(jax.lax.map(lambda k: term(own, k), keys), np.float64)
    assert found.mean() == pytest.approx(least, abs=4 * found.std() / 10 + 2e-3)
    z = np.linspace(-1, 2.5, 36)
    np.testing.assert_allclose(
        critic(own["params"], z[:, None]), p.logpdf(z) - q.logpdf(z), atol=0.15
    )


@pytest.fixture(scope="module")
def prepared():
    """(objective, model, variables, x): a small network and a critic of its own."""
    config = ae_jax.load_config(
        "aae",
        **{
            "encoder": {"hidden": (6,), "activation": "tanh"},
            "decoder": {"hidden": (6,), "activation": "tanh"},
            "model.code_size": 2,
            "penalties.adversarial": {"weight": 0.7, "hidden": (9, 8)},
        },
    )
    net = build(config, (3, 2, 1))
    objective = objective_lib.build(config, net)
    x = jax.random.uniform(jax.random.key(1), (16, 3, 2, 1))
    variables = once(lambda key: objective.init(net.init(key), key))(jax.random.key(0))
    return objective, net, variables, x


def test_the_two_losses_by_finite_differences(prepared):
    """The critic descends what the encoder ascends; reconstruction is descended by all."""
    objective, net, variables, x = prepared
    key = jax.random.key(3)
    e = np.asarray(jax.random.normal(stream(key, "penalty/adversarial"), (16, 2)), np.float64)

    @jax.jit
    def seen(params):
        z = net.encode({**variables, "params": params}, x)
        return z, net.decode({**variables, "params": params}, z) - x

    def errors(params):
        """(reconstruction, critic's term), each by itself."""
        z, error = seen(params)
        square = np.square(np.asarray(error, np.float64)).sum((1, 2, 3))
        drawn, coded = halves(params["penalties"]["adversarial"], e, z)
        return square.mean(), (drawn + coded).mean()

    params = variables["params"]
    step = jax.value_and_grad(
        lambda params: objective({**variables, "params": params}, Batch(x), key, True),
        has_aux=True,
    )
    (loss, (terms, _)), slope = jax.jit(step)(params)
    square, term = errors(params)
    assert terms["adversarial"] == pytest.approx(term, rel=1e-5)
    assert loss == pytest.approx(square + 0.7 * term, rel=1e-5)
    signs = {"encoder": -1.0, "decoder": 0.0, "penalties": 1.0}
    for part, sign in signs.items():
        leaves, tree = jax.tree.flatten(params[part])
        keys = jax.random.split(jax.random.key(4), len(leaves))
        move = [1e-2 * jax.random.normal(k, v.shape) for k, v in zip(keys, leaves, strict=True)]
        ends = [
            errors({**params, part: jax.tree.unflatten(tree, [v + s * d for v, d in pairs])})
            for s in (1, -1)
            for pairs in [list(zip(leaves, move, strict=True))]
        ]
        by_square, by_term = ((up - down) / 2 for up, down in zip(*ends, strict=True))
        found = sum(
            float(jnp.vdot(g, d)) for g, d in zip(jax.tree.leaves(slope[part]), move, strict=True)
        )
        expected = by_square + sign * 0.7 * by_term
        assert found == pytest.approx(expected, rel=2e-2, abs=2e-5)
        if sign:
            assert abs(by_term) > 1e-3, "so that its sign is seen"


def test_codes_move_to_where_the_critic_sees_the_prior(prepared):
    """Along minus the gradient of the loss D(z) grows: codes look more like draws."""
    objective, net, variables, _ = prepared
    penalty = objective.penalties["adversarial"].function
    own = variables["params"]["penalties"]["adversarial"]
    z = jax.random.normal(jax.random.key(5), (16, 2)) + 2.0

    def term(z):
        return penalty.apply({"params": own}, forward(z), net, {}, jax.random.key(6)).mean()

    moved = z - 0.1 * jax.grad(term)(z)
    assert np.all(critic(own, moved) > critic(own, z))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"bottleneck.name": "fsq"},
            r"bottleneck\.name: must not be 'fsq', whose codes take a few",
        ),
        ({"bottleneck": {"name": "top_k", "k": 2}}, r"'top_k', whose codes have numbers that are"),
        ({"bottleneck.name": "nested"}, r"'nested', whose codes have numbers that are exactly 0"),
        ({"encoder.code_activation": "tanh"}, r"encoder\.code_activation: must be 'linear'"),
    ],
)
def test_codes_that_can_never_be_like_the_prior_are_refused(changes, why):
    with pytest.raises(ConfigError, match=why):
        ae_jax.load_config("aae", **changes)
