"""The tables of the literature: what their numbers mean, and what is trained on what."""

import jax
import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression

import ae_jax
from ae_jax import pretraining
from ae_jax.data.arrays import Dataset, Split, rows
from ae_jax.errors import ConfigError, DataError
from ae_jax.train import checkpoint
from experiments import literature
from experiments.measuring import classified, papers


@pytest.fixture(scope="module")
def digits():
    data = ae_jax.load_data("mnist5k")
    return Dataset("few", rows(data.train, slice(0, 300)), rows(data.test, slice(0, 100)))


def small(path, **changes):
    return ae_jax.load_config(path, **{"model.code_size": 12, "train.epochs": 1, **changes})


@pytest.mark.slow
def test_what_is_said_of_a_layer_is_that_of_the_literal_jacobian(digits):
    run = ae_jax.fit(small("rifai2011:contractive"), digits, jax.random.key(0), progress=False)
    layer = run.variables["params"]["encoder"]["layer_0"]
    W, b = np.asarray(layer["kernel"], np.float64), np.asarray(layer["bias"], np.float64)
    h = 1 / (1 + np.exp(-(digits.test.images.reshape(100, -1) / 255 @ W + b)))
    J = (h * (1 - h))[:, :, None] * W.T  # dh_j/dx_i = h_j (1 - h_j) W_ij
    found = classified.layer_numbers(run, digits.test.images)
    assert found["mean J^2 (1e-4)"] == pytest.approx(1e4 * np.square(J).mean(), rel=1e-4)
    near = (h < 0.05) | (h > 0.95)
    assert found["saturated (%)"] == pytest.approx(100 * near.mean(), abs=0.2)  # 2 of 1,200
    squares = classified.squared_norms(run, digits.test.images)
    np.testing.assert_allclose(squares, np.square(J).sum((1, 2)), rtol=1e-4)


@pytest.mark.long
def test_squared_error_is_per_image_and_pca_beside_it(digits):
    found = papers.reconstruction(small("hinton2006"), digits, jax.random.key(0))
    flat = digits.train.images.reshape(300, -1) / 255.0
    test = digits.test.images.reshape(100, -1) / 255.0 - flat.mean(0)
    _, _, V = np.linalg.svd(flat - flat.mean(0), full_matrices=False)
    left = np.square(test - test @ V[:12].T @ V[:12]).sum(1).mean()
    assert found["PCA"] == pytest.approx(left, rel=1e-4)
    assert found["sse"] > 5  # an epoch on 300 images: not per pixel


def parts(data):
    """200 of the 300 images to train on, the others to choose by."""
    return papers.Parts(
        rows(data.train, slice(0, 200)), rows(data.train, slice(200, 300)), data.test
    )


@pytest.mark.slow
def test_a_classifier_never_sees_what_chooses_it(digits, monkeypatch, tmp_path):
    monkeypatch.setitem(papers.PARTS, "few", parts)
    seen, tune = [], pretraining.fine_tune

    def spy(runs, train, valid, *args, **options):
        seen.append((runs, train, valid, args, options, tune(runs, train, valid, *args, **options)))
        return seen[-1][-1]

    monkeypatch.setattr(pretraining, "fine_tune", spy)
    config = small("vincent2010:sdae", **{"train.batch_size": 50, "train.epochs": 6})
    how = {"parts": "few", "widths": (12, 8), "rates": (0.1, 0.3), "batch_size": 50}
    how |= {"epochs": 3, "patience": 2.0}
    key = jax.random.key(0)
    found = classified.classification(config, digits, key, tmp_path / "whole", **how)
    for runs, train, valid, _, options, _ in seen:
        np.testing.assert_array_equal(train.images, digits.train.images[:200])
        np.testing.assert_array_equal(valid.images, digits.train.images[200:])
        assert [run.config.model.code_size for run in runs] == [12, 8]
        assert options["schedule"] == "constant" and options["momentum"] == 0.0
    assert [args[2] for *_, args, _, _ in seen] == [0.1, 0.3]
    best = min((c for *_, c in seen), key=lambda c: min(c.valid_errors))
    assert found["test error (%)"] == pytest.approx(100 * best.error(digits.test))
    assert found["held-out error (%)"] == pytest.approx(100 * min(best.valid_errors))
    last = max(i for i, e in enumerate(best.valid_errors) if e == min(best.valid_errors))
    assert found["updates"] == 4 * (last + 1)
    alone = classified.classification(config, digits, key, None, **how)
    for name in ("test error (%)", "mean J^2 (1e-4)", "saturated (%)", "rate"):
        assert found[name] == alone[name]


RANGES = {"rate": (1e-4, 0.3), "corruption.rate": (0.1, 0.4), "train.epochs": (1, 2)}


@pytest.mark.slow
def test_a_search_takes_what_errs_least_on_validation_images(digits, monkeypatch, tmp_path):
    monkeypatch.setitem(papers.PARTS, "few", parts)
    config = small("vincent2010:sdae", **{"train.batch_size": 50})
    how = {"parts": "few", "widths": (12,), "batch_size": 50, "epochs": 10, "patience": 2.0}
    tested, error = [], pretraining.Classifier.error
    monkeypatch.setattr(
        pretraining.Classifier, "error", lambda c, part: tested.append(part) or error(c, part)
    )
    first, again = (
        classified.searched(
            config, digits, jax.random.key(i), tmp_path / str(i), ranges=RANGES, draws=3, **how
        )
        for i in (0, 1)
    )
    assert first["search"] == again["search"] and len(first["search"]) == 3
    assert sum(part is digits.test for part in tested) == 2  # of what was chosen, once a key
    errors = []
    for settings in first["search"]:
        assert all(settings[name] in values for name, values in RANGES.items())
        changed = config.replace(
            **{name: settings[name] for name in ("corruption.rate", "train.epochs")}
        )
        key, rates = jax.random.key(classified.SEARCH), (settings["rate"],)
        alone = classified.classification(changed, digits, key, None, rates=rates, **how)
        errors.append(alone["held-out error (%)"])
        assert settings["held-out error (%)"] == errors[-1]
    assert min(errors) < max(errors)
    best = first["search"][int(np.argmin(errors))]
    assert {name: first[name] for name in RANGES} == {name: best[name] for name in RANGES}


def test_a_search_draws_each_setting_once_and_every_value_alike():
    drawn = classified._draws({"a": (1, 2, 3), "b": (4, 5)}, 10)
    assert sorted(tuple(d.values()) for d in drawn) == [(a, b) for a in (1, 2, 3) for b in (4, 5)]
    many = classified._draws({"a": tuple(range(4)), "b": tuple(range(1000))}, 400)
    assert stats.chisquare(np.bincount([d["a"] for d in many])).pvalue > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("save", [1, 2])
def test_a_layer_that_was_killed_in_a_save_goes_on(digits, monkeypatch, tmp_path, save, schedule):
    config = small("rifai2011", **{"train.epochs": 7, "optim.schedule": schedule})
    key = jax.random.key(0)
    whole = ae_jax.fit(config, digits, key, progress=False)
    write, fit, count, begun = checkpoint.save, ae_jax.fit, [], []

    def killed(*args, **options):
        count.append(1)
        if len(count) == save:
            raise KeyboardInterrupt
        return write(*args, **options)

    def noted(part, *args, start=None, **options):
        begun.append(None if start is None else int(start.state.step))
        return fit(part, *args, start=start, **options)

    monkeypatch.setattr(checkpoint, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        papers.kept_fit(config, digits, key, tmp_path)
    monkeypatch.setattr(ae_jax, "fit", noted)
    rest = papers.kept_fit(config, digits, key, tmp_path)
    jax.tree.map(np.testing.assert_array_equal, rest.variables, whole.variables)
    steps = 5 * (300 // 100)
    assert begun == ([None, steps] if save == 1 else [steps])
    again = papers.kept_fit(config, digits, key, tmp_path)  # nothing is left to do
    jax.tree.map(np.testing.assert_array_equal, again.variables, whole.variables)
    with pytest.raises(ConfigError, match="key"):
        papers.kept_fit(config, digits, jax.random.key(1), tmp_path)


def test_the_parts_of_a_table_share_no_image():
    n = 70_000
    images = (np.arange(n) % 256).astype(np.uint8).reshape(n, 1, 1, 1)
    whole = Split(images, np.arange(n))  # a label is an image's number
    data = Dataset("numbers", rows(whole, slice(0, 60_000)), rows(whole, slice(60_000, n)))
    for name, sizes in {
        "published": (50_000, 10_000, 10_000),
        "basic": (10_000, 2_000, 50_000),
    }.items():
        found = papers.PARTS[name](data)
        assert tuple(len(part.images) for part in found) == sizes
        numbers = np.concatenate([part.labels for part in found])
        assert len(np.unique(numbers)) == sum(sizes)
        np.testing.assert_array_equal(
            np.concatenate([part.images for part in found]).ravel(), numbers % 256
        )
    few = Dataset("few", rows(whole, slice(0, 100)), rows(whole, slice(100, 200)))
    for part in papers.PARTS.values():
        with pytest.raises(DataError, match="images needed"):
            part(few)


def test_means_and_deviations_stand_beside_what_is_printed():
    by_seed = {"0": {"sse": 3.0, "seconds": 1.0}, "1": {"sse": 5.0, "seconds": 2.0}}
    row = literature.summary(literature.ROWS["hinton2006"], by_seed)
    assert (row["mean"], row["std"]) == ({"sse": 4.0}, {"sse": pytest.approx(2**0.5)})
    assert row["published"]["sse"] == 3.00


def test_how_it_is_measured_belongs_to_the_protocol():
    found = literature.protocol(literature.ROWS["rifai2011:decay"], "mnist")
    assert found["widths"] == (1000,) and found["parts"] == "published"
    assert (found["measure"], found["batch_size"]) == ("classification", 100)
    probe = literature.protocol(literature.ROWS["sparse_top_k:makhzani"], "mnist")
    assert (probe["measure"], probe["steps"]) == ("probe", 200)


@pytest.mark.slow
def test_the_probe_chooses_on_other_images_than_it_reports(digits, monkeypatch):
    monkeypatch.setattr(papers, "published", parts)
    config = small("sparse_top_k:makhzani", **{"bottleneck.k": 4, "train.batch_size": 50})
    key, options = jax.random.key(0), {"kept": (4, 12), "strengths": (0.1, 1.0), "steps": 200}
    found = classified.probe(config, digits, key, **options)
    train, valid, test = parts(digits)
    run = ae_jax.fit(config, Dataset("few", train, valid), key, progress=False)
    layer = run.variables["params"]["encoder"]["layer_0"]
    mean = (train.images / np.float32(255)).mean(0)

    def codes(part, k):
        x = (part.images / np.float32(255) - mean).reshape(len(part.images), -1)
        h = x @ np.asarray(layer["kernel"]) + np.asarray(layer["bias"])
        return np.where(h >= np.sort(h, axis=1)[:, -k, None], h, 0)

    tried = []
    for k in (4, 12):
        for C in (0.1, 1.0):
            fitted = LogisticRegression(C=C, max_iter=200).fit(codes(train, k), train.labels)
            scores = [fitted.score(codes(p, k), p.labels) for p in (valid, test)]
            tried.append((1 - scores[0], k, C, 1 - scores[1]))
    held_out, k, C, error = min(tried)
    assert (found["kept"], found["C"]) == (k, C)
    assert found["held-out error (%)"] == pytest.approx(100 * held_out, abs=1)
    assert found["test error (%)"] == pytest.approx(100 * error, abs=2)
    X, v, x = (p.images.reshape(len(p.images), -1) / np.float32(255) for p in parts(digits))
    fitted = [LogisticRegression(C=C, max_iter=200).fit(X, train.labels) for C in (0.1, 1.0)]
    best = max(fitted, key=lambda one: one.score(v, valid.labels))
    pixels = 100 * (1 - best.score(x, test.labels))
    assert found["error on pixels (%)"] == pytest.approx(pixels, abs=1)


def test_the_likelihood_is_that_of_a_linear_gaussian_model(monkeypatch):
    """log p(x) of x = z W + b + e is known (Tipping & Bishop 1999); parts are not equally long."""
    monkeypatch.setattr(papers, "PART", 3)
    linear = {"encoder.hidden": (), "decoder": {"hidden": (), "output": "linear"}}
    raw = {**linear, "loss.name": "squared_error", "model.code_size": 2}
    config = ae_jax.load_config("vae", **raw, train={"epochs": 0, "batch_size": 7})
    x = np.random.default_rng(0).random((7, 2, 3, 1)).astype(np.float32)
    data, key = ae_jax.from_arrays(x, x), jax.random.key(0)
    found = papers.likelihood(config, data, key, draws=20_000)
    layer = ae_jax.fit(config, data, key, progress=False).variables["params"]["decoder"]["layer_0"]
    W, b = (np.asarray(layer[name], np.float64) for name in ("kernel", "bias"))
    exact = stats.multivariate_normal(b, W.T @ W + np.eye(6) / 2).logpdf(x.reshape(7, 6))
    assert found["NLL (nats)"] == pytest.approx(-exact.mean(), abs=0.01)
    assert found["-ELBO (nats)"] > found["NLL (nats)"] + 0.1
    drawn = config.replace(**{"data.binarize": True})
    other = papers.likelihood(drawn, data, key, draws=100)["NLL (nats)"]
    white = stats.multivariate_normal(b, W.T @ W + np.eye(6) / 2).logpdf(
        [[i >> k & 1 for k in range(6)] for i in range(64)]
    )
    assert -white.max() < other < -white.min() and abs(other + exact.mean()) > 0.1
