"""Contractive penalties against autodiff of the whole encoder, closed forms, finite differences."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_jax.data.load import Split
from ae_jax.errors import ConfigError
from ae_jax.model import pipeline as model_lib
from ae_jax.model.pipeline import Batch
from ae_jax.objective import contractive, objective
from ae_jax.resolve.config import load_config, resolve
from ae_jax.train import loop, setup

KEY = jax.random.key(5)
STEP = 1e-5
# Small functions that run once: most of their time would go into optimizing them.
compiled = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


def dense(hidden, activation, code_size=3, **others):
    encoder = {"hidden": hidden, "activation": activation, "code_activation": activation}
    return {"encoder": encoder, "model": {"code_size": code_size}, **others}


def prepared(raw, shape=(4, 3, 1), n=5):
    """(config, model, variables, pass): weights large enough to bend every activation."""
    config = resolve(raw)
    model = model_lib.build(config, shape)

    @compiled
    def draw():
        x = jax.random.uniform(jax.random.key(2), (n, *shape))
        variables = model.init(jax.random.key(1), x[0])
        variables["params"] = jax.tree.map(lambda v: 2 * v, variables["params"])
        return variables, model.run(variables, Batch(x), jax.random.key(3), True)

    return config, model, *draw()


def penalty_of(name, p, model, variables, **options):
    """The penalty as it is run, compiled; `p` and `variables` as arguments."""
    function = getattr(contractive, name)
    return compiled(lambda p, v: function(p, model, v, KEY, **options))(p, variables)


def jacobians(model, variables, x, derivative=jax.jacrev):
    """[batch, code, pixels], by differentiating the encoder as one function of one image."""

    def encode(image):
        return model.module.apply(variables, image[None], method="encode")[0]

    J = jax.vmap(derivative(encode))(x)
    return J.reshape(*J.shape[:2], -1)


ENCODERS = {
    f"{name}-{len(hidden) + 1}": (dense(hidden, name), (4, 3, 1))
    for name in ("tanh", "sigmoid", "relu", "elu")
    for hidden in ((), (7,), (7, 6))
} | {
    "wider than the image": (dense((15,), "gelu"), (4, 3, 1)),
    "from the pixels": (dense((9, 8), "tanh", 5), (1, 2, 1)),
    "tied": (dense((5,), "tanh", decoder={"name": "tied"}), (4, 3, 1)),
    "centered, noisy, color, two numbers per unit": (
        dense(
            (5,),
            "sigmoid",
            data={"center": True},
            corruption={"name": "gaussian"},
            bottleneck={"name": "gaussian"},
        ),
        (3, 2, 3),
    ),
    "conv_pool": (
        {"encoder": {"name": "conv_pool", "hidden": (5,), "kernel": 3, "activation": "elu"}},
        (8, 8, 1),
    ),
    "conv_strided": (
        {"encoder": {"name": "conv_strided", "channels": (4,), "code_activation": "tanh"}},
        (7, 5, 2),
    ),
    "patches": (
        {"encoder": {"name": "patches", "features": 4, "heads": 2, "blocks": 1, "patch": 2}},
        (4, 3, 1),
    ),
    "conv_strided, a code wider than the image": (
        {"encoder": {"name": "conv_strided", "channels": (2,), "activation": "elu"}},
        (2, 2, 1),
    ),
}


@pytest.mark.parametrize("name", ENCODERS)
def test_equals_the_derivative_of_the_whole_encoder(name):
    """And the second-order term equals two such derivatives subtracted, of the same draws."""
    _, model, variables, p = prepared(*ENCODERS[name])

    @compiled
    def ours(variables, p):
        return (
            contractive.contractive(p, model, variables, KEY),
            contractive.contractive(p, model, variables, KEY, method="naive"),
            contractive.contractive_hessian(p, model, variables, KEY, sigma=0.3, samples=2),
        )

    @compiled
    def truth(variables, x):
        moved = x[None] + 0.3 * jax.random.normal(KEY, (2, *x.shape))
        stacked = jnp.concatenate([x[None], moved])
        return jax.lax.map(lambda x: jacobians(model, variables, x), stacked)

    J, *moved = np.asarray(truth(variables, p.corrupted), np.float64)
    expected = (J**2).sum((1, 2))
    assert expected.max() > 1e-4
    exact, naive, second = ours(variables, p)
    np.testing.assert_allclose(exact, expected, rtol=1e-5)
    np.testing.assert_allclose(naive, expected, rtol=1e-5)
    expected = np.mean([((J - there) ** 2).sum((1, 2)) for there in moved], axis=0)
    np.testing.assert_allclose(second, expected, rtol=2e-4, atol=1e-6)


def test_of_what_was_not_observed_there_is_no_derivative():
    """By differences: with holes and an indicator as without, and nothing for the holes."""
    data = {"missing": "mask", "indicator": True}
    _, model, variables, p = prepared(dense((7,), "tanh", data=data))
    x = p.corrupted.at[:, 1, 2].set(jnp.nan)
    step, n = 1e-2, len(x)
    moved = step * jnp.eye(12).reshape(12, 1, 4, 3, 1)
    ahead, behind = (
        np.asarray(
            model.apply(variables, (x[None] + s * moved).reshape(-1, 4, 3, 1), method="encode")
        )
        for s in (1, -1)
    )
    by_hand = np.square((ahead - behind) / (2 * step)).reshape(12, n, -1).sum((0, 2))
    for method in ("exact", "naive"):
        found = contractive.contractive(
            p._replace(corrupted=x), model, variables, KEY, method=method
        )
        np.testing.assert_allclose(found, by_hand, rtol=5e-3)


@pytest.mark.parametrize(
    "name",
    [
        "tanh-1",
        "tanh-3",
        "wider than the image",
        "from the pixels",
        "conv_strided, a code wider than the image",
    ],
)
def test_jacfwd_computes_it(name, monkeypatch):
    """Without it there is no penalty by the method that is used unless another is named."""

    def fail(*args, **kwargs):
        raise AssertionError("jax.jacfwd was called")

    _, model, variables, p = prepared(*ENCODERS[name])
    monkeypatch.setattr(jax, "jacfwd", fail)
    with pytest.raises(AssertionError, match=r"jax\.jacfwd was called"):
        contractive.contractive(p, model, variables, KEY)


def test_both_directions_are_taken():
    cheaper = contractive._from_code_is_cheaper
    assert cheaper([784, 250, 16]) and cheaper([784, 250, 100, 16]) and cheaper([12, 15, 3])
    assert not cheaper([2, 9, 8, 5])


def numpy_layer(name="sigmoid"):
    """(model, variables, pass, W, h) of a single layer, h computed in numpy."""
    _, model, variables, p = prepared(dense((), name))
    layer = jax.tree.map(lambda v: np.asarray(v, np.float64), variables["params"]["encoder"])
    W, b = layer["layer_0"]["kernel"], layer["layer_0"]["bias"]
    a = np.asarray(p.corrupted, np.float64).reshape(len(p.corrupted), -1) @ W + b
    f = {"sigmoid": lambda a: 1 / (1 + np.exp(-a)), "relu": lambda a: np.maximum(a, 0)}[name]
    return model, variables, p, W, f(a)


def test_rifais_closed_form_for_a_sigmoid_layer():
    """sum_j (h_j (1 - h_j))^2 sum_i W_ij^2."""
    model, variables, p, W, h = numpy_layer()
    expected = ((h * (1 - h)) ** 2) @ (W**2).sum(0)
    ours = penalty_of("contractive", p, model, variables)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_the_sigmoid_formula_is_not_the_penalty_of_a_relu():
    model, variables, p, W, h = numpy_layer("relu")
    ours = penalty_of("contractive", p, model, variables)
    wrong = ((h * (1 - h)) ** 2) @ (W**2).sum(0)
    assert not np.allclose(ours, wrong, rtol=0.1)
    np.testing.assert_allclose(ours, (h > 0) @ (W**2).sum(0), rtol=1e-5)


@pytest.mark.parametrize("hidden", [(), (6,)])
def test_linear_encoder_is_weight_decay_and_has_no_second_derivative(hidden):
    _, model, variables, p = prepared(dense(hidden, "linear"))
    W = np.eye(12)
    for i in range(len(hidden) + 1):
        W = W @ np.asarray(variables["params"]["encoder"][f"layer_{i}"]["kernel"], np.float64)
    ours = penalty_of("contractive", p, model, variables)
    np.testing.assert_allclose(ours, np.full(5, (W**2).sum()), rtol=1e-6)
    np.testing.assert_array_equal(penalty_of("contractive_hessian", p, model, variables), 0)


@pytest.mark.slow
@pytest.mark.parametrize("penalty", ["contractive", "contractive_hessian"])
@pytest.mark.parametrize("name", ["tanh-1", "sigmoid-2", "tanh-3", "from the pixels"])
def test_gradient_by_finite_differences(name, penalty):
    """Along random directions, double precision; the rule for the Gram product is our own."""
    with jax.enable_x64(True):
        _, model, variables, p = prepared(*ENCODERS[name])
        variables, p = jax.tree.map(lambda v: np.asarray(v, np.float64), (variables, p))
        rng = np.random.default_rng(0)
        directions = jax.tree.map(lambda v: rng.normal(size=(3, *v.shape)), variables["params"])

        def mean(params):
            return jnp.mean(getattr(contractive, penalty)(p, model, {"params": params}, KEY))

        @compiled
        def slopes(params, directions):
            gradient = jax.grad(mean)(params)

            def along(d):
                ahead = jax.tree.map(lambda v, d: v + STEP * d, params, d)
                behind = jax.tree.map(lambda v, d: v - STEP * d, params, d)
                difference = (mean(ahead) - mean(behind)) / (2 * STEP)
                forward = jax.jvp(mean, (params,), (d,))[1]
                reverse = sum(jax.tree.leaves(jax.tree.map(jnp.vdot, gradient, d)))
                return difference, forward, reverse

            return jax.lax.map(along, directions)

        difference, forward, reverse = slopes(variables["params"], directions)
    assert np.all(np.abs(difference) > 1e-5)
    np.testing.assert_allclose(forward, difference, rtol=1e-6)
    np.testing.assert_allclose(reverse, difference, rtol=1e-6)


def test_hutchinson_is_unbiased_with_the_stated_variance():
    _, model, variables, p = prepared(dense((7,), "tanh"), n=2)
    J = compiled(lambda x: jacobians(model, variables, x))(p.corrupted)
    J = np.asarray(J, np.float64)
    A = J @ J.transpose(0, 2, 1)
    off = A - A * np.eye(3)
    n = 4000

    @compiled
    @jax.vmap
    def draw(key):
        return contractive.contractive(p, model, variables, key, method="hutchinson", samples=2)

    draws = draw(jax.random.split(KEY, n))
    variance = 2 / 2 * (off**2).sum((1, 2))
    error = np.asarray(draws, np.float64).mean(0) - np.trace(A, axis1=1, axis2=2)
    assert np.all(np.abs(error) < 4 * np.sqrt(variance / n))
    np.testing.assert_allclose(np.var(draws, axis=0), variance, rtol=0.15)


def test_hessian_term_tends_to_the_second_derivative():
    """E ||J(x) - J(x + e)||^2 -> sigma^2 ||d^2 h / dx^2||^2, of a single image and unit by hand."""
    _, model, variables, p = prepared(dense((6,), "tanh"), n=1)

    def encode(flat):
        return model.module.apply(variables, flat.reshape(1, 4, 3, 1), method="encode")[0]

    H = np.asarray(compiled(jax.hessian(encode))(p.corrupted.reshape(-1)), np.float64)
    sigma, n = 0.01, 2000
    ours = penalty_of("contractive_hessian", p, model, variables, sigma=sigma, samples=n)
    np.testing.assert_allclose(
        ours / sigma**2, (H**2).sum(), rtol=0.06
    )  # 4 times the spread of such a mean


def test_the_same_in_training_and_in_evaluation():
    raw = dense((6,), "tanh", bottleneck={"name": "dropout"}, penalties={"contractive": {}})
    config, model, variables, p = prepared(raw)
    goal = objective.build(config, model)
    of = compiled(lambda train: goal(variables, Batch(p.x), KEY, train)[1][0], static_argnums=0)
    terms = [of(train) for train in (True, False)]
    assert terms[0]["reconstruction"] != terms[1]["reconstruction"]
    assert terms[0]["contractive"] == terms[1]["contractive"]


def trained(**penalties):
    config = load_config("undercomplete", train={"batch_size": 8, "epochs": 1}, penalties=penalties)
    images = np.random.default_rng(0).integers(0, 256, (24, 5, 4, 1)).astype(np.uint8)
    trainer = setup.prepare(config, (5, 4, 1), 24)
    state = trainer.init(jax.random.key(0), jnp.zeros((5, 4, 1)))
    for chunk in loop.train(trainer, state, Split(images, None), jax.random.key(0)):
        state = chunk.state
    assert state.step == 3
    return jax.tree.map(np.asarray, state.params)


@pytest.mark.slow
def test_weight_zero_is_the_plain_run_bit_for_bit():
    plain = trained()
    off = trained(contractive={"weight": 0}, contractive_hessian={"weight": 0}, l1={"weight": 0})
    jax.tree.map(np.testing.assert_array_equal, plain, off)
    on = trained(contractive={"weight": 1e-3}, contractive_hessian={"weight": 0})
    assert not np.array_equal(jax.tree.leaves(plain)[0], jax.tree.leaves(on)[0])


def flops(raw):
    """Floating-point operations of the compiled gradient, as the compiler counts them."""
    config = resolve(raw)
    model = model_lib.build(config, (28, 28, 1))
    x = jax.ShapeDtypeStruct((256, 28, 28, 1), jnp.float32)
    variables = jax.eval_shape(model.init, jax.random.key(0))
    goal = objective.build(config, model)
    step = jax.jit(jax.grad(lambda v, x: goal(v, Batch(x), KEY, True)[0]))
    return step.lower(variables, x).compile().cost_analysis()["flops"]


def test_price_in_operations():
    """One layer: the forward product is found again, one product more; two: as designed."""
    raw = dense((), "tanh", 30)
    plain, with_penalty = (flops({**raw, "penalties": p}) for p in ({}, {"contractive": {}}))
    assert with_penalty < 1.25 * plain
    raw = dense((250,), "tanh", 16)
    plain, with_penalty = (flops({**raw, "penalties": p}) for p in ({}, {"contractive": {}}))
    products = 2 * 2 * 256 * 16 * 250 * 250 + 3 * 2 * 784 * 250 * 250
    assert with_penalty - plain < 1.15 * products


@pytest.mark.parametrize("penalty", ["contractive", "contractive_hessian"])
def test_batch_norm_is_refused(penalty):
    with pytest.raises(ConfigError, match=r"^encoder\.batch_norm: must be false") as error:
        load_config("conv_strided:batchnorm", penalties={penalty: {}})
    assert len(str(error.value).splitlines()) <= 3


def test_unknown_method_is_named():
    with pytest.raises(ConfigError, match=r"penalties\.contractive\.method.*'jacfw'"):
        load_config("undercomplete", penalties={"contractive": {"method": "jacfw"}})
