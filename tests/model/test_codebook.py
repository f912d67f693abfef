"""Vector quantization: k-means, moving averages by hand, the gradient straight through."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances_argmin

import ae_jax
from ae_jax.errors import ConfigError
from ae_jax.model.bottleneck.codebook import Books, CodebookBottleneck
from ae_jax.model.pipeline import Forward
from ae_jax.objective import codes

KEY = jax.random.key(0)


def of_entries(entries, counts=None):
    """The variables of a bottleneck whose entries [vectors, entries, size] are known."""
    entries = jnp.asarray(entries, jnp.float32)
    counts = jnp.ones(entries.shape[:2]) if counts is None else jnp.asarray(counts, jnp.float32)
    return {"batch_stats": Books(counts, counts[..., None] * entries)._asdict()}


def trained(bottleneck, variables, h):
    (z, code), new = bottleneck.apply(variables, h, KEY, True, mutable=["batch_stats"])
    return z, code, new


def points(n=200, seed=0):
    rng = np.random.default_rng(seed)
    centers = rng.uniform(-1, 1, (6, 2))
    return np.float32(centers[rng.integers(0, 6, n)] + 0.15 * rng.standard_normal((n, 2)))


def test_without_memory_the_entries_are_those_of_k_means():
    """Code = data, decay 0, the whole set a batch: Lloyd's algorithm, to its fixed point."""
    h = points()
    start = h[:6]
    bottleneck = CodebookBottleneck(entries=6, size=2, decay=0.0, restart=0.0)
    variables = of_entries(start[None])
    for _ in range(100):
        z, code, variables = trained(bottleneck, variables, h)
    lloyd = KMeans(6, init=start, n_init=1, tol=0, algorithm="lloyd").fit(h)
    entries = Books(**variables["batch_stats"]).entries[0]
    np.testing.assert_allclose(entries, lloyd.cluster_centers_, atol=1e-5)
    np.testing.assert_array_equal(code.levels[:, 0], lloyd.labels_)
    np.testing.assert_allclose(np.square(h - z).sum(), lloyd.inertia_, rtol=1e-4)


def test_moving_averages_by_hand():
    """Two vectors of a code, each with a codebook of its own, three batches in loops."""
    rng = np.random.default_rng(1)
    entries = rng.standard_normal((2, 3, 2))
    counts = np.array([[2.0, 1.0, 3.0], [1.0, 1.0, 2.0]])
    sums = counts[..., None] * entries
    bottleneck = CodebookBottleneck(entries=3, size=2, decay=0.9, restart=0.0)
    variables = of_entries(entries, counts)
    for _ in range(3):
        h = np.float32(rng.standard_normal((5, 4)))
        z, code, variables = trained(bottleneck, variables, h)
        new_counts, new_sums = np.zeros_like(counts), np.zeros_like(sums)
        for image in range(5):
            for v in range(2):
                part = h[image, 2 * v : 2 * v + 2]
                gaps = [np.sum((part - sums[v, i] / counts[v, i]) ** 2) for i in range(3)]
                i = int(np.argmin(gaps))
                assert int(code.levels[image, v]) == i
                np.testing.assert_allclose(
                    z[image, 2 * v : 2 * v + 2], sums[v, i] / counts[v, i], rtol=1e-5
                )
                new_counts[v, i] += 1
                new_sums[v, i] += part
        counts, sums = 0.9 * counts + 0.1 * new_counts, 0.9 * sums + 0.1 * new_sums
        np.testing.assert_allclose(variables["batch_stats"]["counts"], counts, rtol=1e-5)
        np.testing.assert_allclose(variables["batch_stats"]["sums"], sums, rtol=1e-4, atol=1e-6)


def test_unused_entries_become_vectors_of_the_batch():
    """All in the first batch; later those far from everything, and no other."""
    h = points()
    bottleneck = CodebookBottleneck(entries=4, size=2, decay=0.9)
    first = bottleneck.init(KEY, h, None, False)
    books = Books(**first["batch_stats"]).restarted(KEY, h[:, None], 0.03)
    assert all(any(np.allclose(entry, row) for row in h) for entry in books.entries[0])
    np.testing.assert_allclose(books.counts, len(h) / 4)
    entries = np.array([[[0.0, 0.0], [0.5, 0.0], [0.0, 0.5], [90.0, 90.0]]])
    variables = of_entries(entries, np.full((1, 4), len(h) / 4))
    batches = 0
    while np.allclose(Books(**variables["batch_stats"]).entries[0, 3], 90.0):
        _, code, variables = trained(bottleneck, variables, h)
        assert batches < 40, "it is never restarted"
        batches += 1
    assert batches == 1 + np.ceil(np.log(0.03) / np.log(0.9)), "the count falls to the share"
    assert set(np.unique(code.levels)) == {0, 1, 2, 3}


def test_the_gradient_goes_straight_through_and_z_is_an_entry():
    h = points(20).reshape(10, 4)
    entries = np.random.default_rng(2).standard_normal((2, 5, 2))
    bottleneck, variables = CodebookBottleneck(entries=5, size=2), of_entries(entries)
    weights = jnp.arange(40.0).reshape(10, 4)

    def total(h):
        return jnp.sum(weights * bottleneck.apply(variables, h, None, False)[0])

    np.testing.assert_array_equal(jax.grad(total)(jnp.asarray(h)), weights)
    z = np.asarray(bottleneck.apply(variables, h, None, False)[0]).reshape(10, 2, 2)
    for v in range(2):
        nearest = pairwise_distances_argmin(h.reshape(10, 2, 2)[:, v], entries[v])
        np.testing.assert_array_equal(z[:, v], np.float32(entries[v])[nearest])


def test_commitment_by_hand_and_its_gradient():
    h, z = jnp.array([[1.0, 2.0], [0.0, -1.0]]), jnp.array([[0.5, 2.5], [1.0, 1.0]])

    def values(h, z):
        p = Forward(h, h, h, z, None, h, h)
        return codes.commitment(p, None, {}, KEY)

    np.testing.assert_allclose(values(h, z), [0.5, 5.0])
    np.testing.assert_allclose(jax.grad(lambda h: values(h, z).sum())(h), 2 * (h - z))
    assert not jax.grad(lambda z: values(h, z).sum())(z).any()


def test_bits_and_bad_input():
    assert CodebookBottleneck(entries=256, size=4).bits == 2
    vq = {"name": "vq", "size": 3}
    with pytest.raises(ConfigError, match=r"bottleneck\.size: must divide model\.code_size, 32"):
        ae_jax.load_config("undercomplete", bottleneck=vq, **{"model.code_size": 32})
    with pytest.raises(ConfigError, match=r"penalties\.commitment: needs bottleneck\.name 'vq'"):
        ae_jax.load_config("undercomplete", penalties={"commitment": {"weight": 0.25}})
