"""Graphs of traced functions say what the functions say."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_jax.export import trace, weights
from ae_jax.export.steps import UnknownStepError
from ae_jax.model import units
from tests.export.interpreter import OPS, call
from tests.export.runs import run_of
from tests.export.test_round_trip import networks
from tests.resolve.small import ALL_VARIANTS, CONFIGS
from tests.run.doors import UNIT

SLOW = ("impute",)  # holes
PATHS = [
    pytest.param(p, marks=pytest.mark.slow if p in SLOW else pytest.mark.long) for p in networks()
]


def test_a_graph_of_a_small_run(made):
    run, _ = made
    check_graphs(run, UNIT[:5], ())


@pytest.mark.parametrize("path", PATHS)
def test_a_graph_says_what_the_function_says(path):
    run, x, labels = run_of(path)
    x = run.door.checked("images", x)[:5]
    x = x / np.float32(255) if x.dtype == np.uint8 else x
    check_graphs(run, x, () if labels is None else (np.asarray(labels[:5], np.int32),))


def check_graphs(run, x, told):
    """Those of all functions, against these."""
    z = np.asarray(units.encode(run.model, run.variables, x))
    given = {"encode": (x,), "decode": (z, *told)}
    for name, function in units.FUNCTIONS.items():
        rows = given.get(name, (x, *told))
        graph = trace.graph_of(name, run.model, run.variables)
        assert set(ops(graph)) <= set(trace.USED)
        ours = np.asarray(function(run.model, run.variables, *rows))
        theirs = call(graph, weights.named(run.variables), *rows)
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        assert np.abs(ours - theirs).max() <= 1e-5 * np.abs(ours).max()


def graph(function, *shapes):
    """Of a function of x [n, ...] and weights."""
    like = {f"w{i}": jax.ShapeDtypeStruct(s, jnp.float32) for i, s in enumerate(shapes)}
    (n,) = jax.export.symbolic_shape("n")
    x = jax.ShapeDtypeStruct((n, 3), jnp.float32)
    return trace.traced("f", lambda w, x: function(x, *w.values()), like, {"x": x})


def ops(graph):
    return [step.op for step in graph.steps]


CONVERT = ["convert_element_type"]
X = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)


def check(function, steps, *arrays):
    """The graph has these steps, and says what the function says."""
    made = graph(function, *(a.shape for a in arrays))
    assert ops(made) == steps
    found = call(made, {f"w{i}": a for i, a in enumerate(arrays)}, X)
    np.testing.assert_allclose(found, np.asarray(function(X, *arrays)), rtol=1e-6)
    return made


def test_calls_are_inlined_and_constants_computed():
    def function(x, w):
        unused = jnp.exp(x) @ w
        return jax.jit(jax.nn.relu)(x * jnp.sqrt(4.0) * 1.0 + 0.0) @ (w - 0.0) + 0 * unused.size

    check(function, ["mul", "max", "dot_general"], np.eye(3, dtype=np.float32))


def test_what_is_printed_is_no_step():
    def function(x):
        jax.debug.print("{}", x[0, 0])
        return x + 1

    assert ops(graph(function)) == ["add"]


def test_the_same_is_said_once():
    check(lambda x: jnp.tanh(x) + jnp.tanh(x), ["tanh", "add"])


def test_an_index_that_counts_is_not_negative():
    def function(x, w):
        return w[jnp.argmax(x, 1)]

    w = np.arange(6, dtype=np.float32).reshape(3, 2)
    made = check(function, ["argmax", "broadcast_in_dim", "gather"], w)
    assert [v.name for v in made.weights] == ["w0"]


def test_other_numbers_may_be_negative():
    check(lambda x: jnp.where(x < 0, 2 * x, x), ["lt", "mul", "select_n"])
    check(lambda x: (jnp.argmax(x, 1) - 1 < 0).astype(int), ["argmax", "sub", "lt", *CONVERT])


def test_what_is_repeated_twice_is_repeated_once():
    def function(x, w):
        wide = jax.lax.broadcast_in_dim(w, (2, 3), (1,))
        return jax.lax.broadcast_in_dim(wide, (2, 5, 3), (0, 2))

    check(function, ["broadcast_in_dim"], X[0])


def test_parts_are_slices():
    check(lambda x: jnp.split(x, 3, 1)[1] - x, ["slice", "sub"])
    check(lambda x: jnp.unstack(x, axis=1)[1], ["slice", "squeeze"])


def test_what_is_gathered_at_a_known_place_is_a_slice():
    check(lambda x: x[:, 1] * x[:, -1], ["slice", "squeeze", "slice", "squeeze", "mul"])
    check(lambda x: x[:, 1:], ["slice"])


def test_numbers_that_json_lacks_are_text():
    made = graph(lambda x: jnp.where(x > 0, jnp.inf, jnp.where(x < -1, -jnp.inf, jnp.nan)))
    scalars = {v for step in made.steps for v in step.inputs if isinstance(v, str)}
    assert {"NaN", "Infinity", "-Infinity"} < scalars
    json.dumps(made.json(), allow_nan=False)
    x = np.array([[1, -2, 0]], np.float32)
    np.testing.assert_array_equal(call(made, {}, x), [[np.inf, -np.inf, np.nan]])


def test_a_constant_array_is_there_once():
    table = np.arange(3, dtype=np.float32)[None]
    made = check(lambda x: (x + table) * table, ["add", "mul"])
    assert list(made.constants) == ["c1"]


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: jax.lax.fori_loop(0, x.shape[0], lambda i, v: v + 1, x), "while"),
        (lambda x: jnp.zeros(x.shape[0] // 2), "size floordiv"),
    ],
)
def test_what_no_step_can_say_is_named(function, said):
    with pytest.raises(UnknownStepError, match=said):
        graph(function)


def test_the_interpreter_knows_what_is_used():
    assert set(trace.USED) <= OPS.keys()


def test_there_are_such_configs():
    assert set(SLOW) <= {*CONFIGS, *ALL_VARIANTS}
