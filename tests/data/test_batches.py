"""Rows in batches: few sizes, so few programs, and the answers are those of the rows alone."""

import logging
import subprocess
import sys

import jax
import numpy as np
import pytest

import ae_jax
from ae_jax.data.batches import BATCH, in_batches, padded_size
from ae_jax.model import compiled as programs
from ae_jax.model import scaling, units
from ae_jax.model.pipeline import build
from ae_jax.resolve.config import load_config
from ae_jax.run.trained import Run

COUNTS = range(1, 1001)


def test_sizes_are_few_and_large_enough():
    sizes = [padded_size(n) for n in COUNTS]
    assert len(set(sizes)) <= 10
    assert all(n <= size < 2 * max(n, 5) for n, size in zip(COUNTS, sizes, strict=True))
    assert max(sizes) == BATCH


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 512, 513, 1000, 1001, 2000, 2500])
def test_rows_keep_their_order_and_what_is_padded_is_dropped(n):
    a, b = np.arange(3.0 * n).reshape(n, 3), np.arange(n)
    seen = []

    def function(x, y):
        seen.append(len(x))
        return x * 10 + y[:, None]

    np.testing.assert_array_equal(in_batches(function, a, b), a * 10 + b[:, None])
    assert sum(seen) >= n and all(size == padded_size(size) <= BATCH for size in seen)


def untrained(name, shape=(8, 8, 1), **changes):
    """A run of random weights: what it answers is compared, not how good it is."""
    config = load_config(name, **changes)
    model, k = build(config, shape), config.model.code_size
    variables = model.init(jax.random.key(0), np.zeros(shape, np.float32))
    return Run(config, model, variables, {}, np.zeros(k), np.eye(k))


@pytest.mark.parametrize(
    "name",
    [
        "undercomplete",
        pytest.param("sparse_top_k", marks=pytest.mark.slow),
        pytest.param("vae", marks=pytest.mark.slow),
        pytest.param("conv_strided:batchnorm", marks=pytest.mark.long),
    ],
)
def test_answers_are_those_of_the_rows_alone(name):
    run = untrained(name)
    x = np.random.default_rng(0).random((1003, 8, 8, 1), np.float32)
    for n in (1, 3, 9, 100, 1003):
        alone = run.model.encode(run.variables, scaling.to_network(x[:n], run.model.scale))
        codes = run.encode(x[:n])
        np.testing.assert_allclose(codes, alone, atol=1e-6)
        images = scaling.to_unit(run.model.decode(run.variables, codes), run.model.scale)
        np.testing.assert_allclose(run.decode(codes), images, atol=1e-6)
        assert run.score(x[:n]).shape == (n,)


def test_no_images_give_no_answers_of_the_right_shape():
    run = untrained("undercomplete", **{"model.code_size": 5})
    none = np.zeros((0, 8, 8, 1), np.float32)
    assert run.encode(none).shape == (0, 5) and run.score(none).shape == (0,)
    assert run.reconstruct(none).shape == run.corrupt(none, jax.random.key(0)).shape == none.shape
    assert run.encode(none).dtype == run.reconstruct(none).dtype == np.float32


@pytest.mark.slow
@pytest.mark.parametrize("bottleneck", ["identity", "gaussian"])
def test_noise_and_samples_are_the_same_bits_whatever_is_drawn_behind_them(bottleneck):
    run = untrained("denoise", **{"bottleneck.name": bottleneck})
    x = np.random.default_rng(0).random((40, 8, 8, 1), np.float32)
    key = jax.random.key(3)
    for n in (1, 6, 40):
        seen = scaling.to_network(jax.numpy.asarray(x[:n]), run.model.scale)
        alone = scaling.to_unit(run.model.corrupt(key, seen), run.model.scale)
        np.testing.assert_array_equal(run.corrupt(x[:n], key), alone)
        np.testing.assert_allclose(run.sample(key, n), run.sample(key, 40)[:n], atol=1e-6)


@pytest.fixture
def compiled(caplog):
    """Names of the programs compiled so far, of single operations too."""
    with jax.log_compiles(True), caplog.at_level(logging.WARNING):
        yield lambda: [m for m in caplog.messages if m.startswith("Compiling ")]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["encode", "reconstruct", "score", "corrupt", "sample"])
def test_no_count_of_rows_compiles_anew(name, compiled):
    """Each size once; before, every count was a program for ever."""
    run = untrained("denoise", **{"model.code_size": 7 + len(name)})
    x = np.random.default_rng(0).random((1000, 8, 8, 1), np.float32)
    call = {
        "corrupt": lambda n: run.corrupt(x[:n], jax.random.key(0)),
        "sample": lambda n: run.sample(jax.random.key(0), n),
    }.get(name, lambda n: getattr(run, name)(x[:n]))
    jax.clear_caches()
    before = len(compiled())
    for n in {padded_size(n) for n in COUNTS}:
        call(n)
    known = len(compiled())
    assert known > before
    if name == "encode":
        assert known - before <= 10
    for n in (*COUNTS[:40], *COUNTS[40::37]):
        call(n)
    assert len(compiled()) == known


def test_models_of_equal_configs_share_their_programs(digits):
    """A grid fits the same network many times; only what differs is compiled and kept."""
    images = digits.train.images[:60]
    few = {"train": {"epochs": 0, "batch_size": 20}, "model": {"code_size": 3}}
    programs.compiled.cache_clear()
    for seed in range(3):
        run = ae_jax.fit(few, images, jax.random.key(seed), progress=False)
    assert programs.compiled.cache_info().currsize == 1
    assert programs.compiled(programs.in_pieces, units.encode, run.model)._cache_size() == 1
    models = [build(load_config("denoise", **c), (8, 8, 1)) for c in ({}, {"corruption.rate": 0.1})]
    assert models[0] != models[1]
    assert models[0] == build(load_config("denoise", **{"train.epochs": 3}), (8, 8, 1))


MEMORY = """
import numpy as np
from ae_jax.sklearn import Autoencoder
pages = lambda: int(open("/proc/self/statm").read().split()[1]) * 4096 // 2**20
X = np.random.default_rng(0).random((1000, 6))
a = Autoencoder(code_size=3, epochs=1, random_state=0).fit(X)
a.score_samples(X)
before = pages()
for n in range(1, 1001):
    a.score_samples(X[:n]), a.inverse_transform(a.transform(X[:n]))
print(pages() - before)
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_flat_over_a_thousand_counts():
    """Was 10 MiB a count."""
    command = [sys.executable, "-c", MEMORY]
    grown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
    assert int(grown) < 60
