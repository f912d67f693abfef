"""Greedy pre-training and fine-tuning, beside scikit-learn's multilayer perceptron."""

import jax
import numpy as np
import optax
import pytest
from sklearn.neural_network import MLPClassifier

import ae_jax
from ae_jax import pretraining
from ae_jax.data.arrays import Dataset, Split, rows
from ae_jax.errors import CheckpointError, ConfigError, DataError
from ae_jax.pretraining import tuning
from ae_jax.resolve import config
from ae_jax.streams import stream

SIGMOID = {
    "encoder": {"code_activation": "sigmoid"},
    "decoder": {"name": "tied", "output": "sigmoid"},
    "model": {"init": "keras"},
    "loss": {"name": "bernoulli_nll", "per": "image"},
    "train": {"batch_size": 50, "epochs": 2},
}
WIDTHS, BATCH, RATE, EPOCHS = (20, 10), 40, 0.5, 4


@pytest.fixture(scope="module")
def digits():
    data = ae_jax.load_data("mnist5k")
    return Dataset("few", rows(data.train, slice(0, 200)), rows(data.test, slice(0, 100)))


@pytest.fixture(scope="module")
def runs(digits):
    resolved = config.resolve(SIGMOID)
    return pretraining.greedy(resolved, WIDTHS, digits, jax.random.key(3), progress=False)


def by_sklearn(runs, part, key, epochs):
    """The same network, the same batches, the same rates, by scikit-learn's gradients."""
    # One partial_fit builds the network; its weights and its memory are then replaced.
    mlp = MLPClassifier(
        WIDTHS, activation="logistic", solver="sgd", alpha=0.0, nesterovs_momentum=False
    )
    X, y = part.images.reshape(len(part.images), -1) / np.float32(255), part.labels
    mlp.partial_fit(X[:BATCH], y[:BATCH], classes=np.arange(10))
    layers = [run.variables["params"]["encoder"]["layer_0"] for run in runs]
    layers.append({"kernel": np.zeros((WIDTHS[-1], 10)), "bias": np.zeros(10)})
    for name, parameters in (("kernel", mlp.coefs_), ("bias", mlp.intercepts_)):
        for own, layer in zip(parameters, layers, strict=True):
            own[...] = layer[name]
    for velocity in mlp._optimizer.velocities:
        velocity[...] = 0
    steps = len(X) // BATCH
    schedule = optax.cosine_decay_schedule(RATE, EPOCHS * steps)
    before = RATE
    for epoch in range(epochs):
        order = np.asarray(
            jax.random.permutation(jax.random.fold_in(stream(key, "order"), epoch), len(X))
        )
        for i in range(steps):
            rate = float(schedule(epoch * steps + i))
            # Its memory holds steps, ours (and PyTorch's) gradients: a new rate scales them too.
            for velocity in mlp._optimizer.velocities:
                velocity *= rate / before
            mlp._optimizer.learning_rate = before = rate
            chosen = order[i * BATCH : (i + 1) * BATCH]
            mlp.batch_size = BATCH
            mlp.partial_fit(X[chosen], y[chosen])
    return mlp


@pytest.mark.slow
def test_fine_tuning_takes_the_steps_of_scikit_learns_perceptron(runs, digits):
    key = jax.random.key(5)
    ours = pretraining.fine_tune(
        runs, digits.train, digits.train, key, EPOCHS, RATE, BATCH, progress=False
    )
    best = max(i for i, e in enumerate(ours.valid_errors) if e == min(ours.valid_errors))
    theirs = by_sklearn(runs, digits.train, key, best + 1)
    for i, own in enumerate(ours.variables):
        layer = own["params"]["encoder"]["layer_0"] if i < len(runs) else own["params"]
        np.testing.assert_allclose(layer["kernel"], theirs.coefs_[i], atol=2e-5)
        np.testing.assert_allclose(layer["bias"], theirs.intercepts_[i], atol=2e-5)
    flat = digits.test.images.reshape(100, -1) / np.float32(255)
    assert (ours.predict(digits.test.images) == theirs.predict(flat)).mean() >= 0.99


@pytest.mark.slow
def test_a_layer_is_an_autoencoder_of_the_codes_below(runs, digits):
    layer = runs[0].variables["params"]["encoder"]["layer_0"]
    pixels = digits.train.images.reshape(200, -1) / np.float32(255)
    a = pixels @ np.asarray(layer["kernel"]) + np.asarray(layer["bias"])
    codes = (1 / (1 + np.exp(-a))).astype(np.float32)
    np.testing.assert_allclose(runs[0].encode(digits.train.images), codes, atol=1e-5)
    assert runs[1].model.shape == (WIDTHS[0], 1, 1)
    alone = ae_jax.fit(
        runs[1].config,
        Dataset("codes", *(Split(c[:, :, None, None], None) for c in (codes, codes[:10]))),
        stream(jax.random.key(3), "layer/1"),
        progress=False,
    )
    kernels = [r.variables["params"]["encoder"]["layer_0"]["kernel"] for r in (runs[1], alone)]
    np.testing.assert_allclose(*kernels, atol=1e-4)


@pytest.mark.slow
def test_a_classifier_sees_codes_as_their_layer_did(digits):
    symmetric = {
        **SIGMOID,
        "data": {"scale": "sym"},
        "decoder": {"output": "tanh"},
        "loss": {"name": "squared_error"},
    }
    layer = config.resolve(symmetric)
    runs = pretraining.greedy(layer, WIDTHS, digits, jax.random.key(3), progress=False)
    found = pretraining.fine_tune(
        runs, digits.train, digits.test, jax.random.key(5), 1, 0.0, BATCH, progress=False
    )
    codes = runs[1].encode(runs[0].encode(digits.test.images)[:, :, None, None])
    head = {"kernel": np.eye(10, dtype=np.float32), "bias": -codes.mean(0)}  # which unit is high
    found = found._replace(variables=(*found.variables[:-1], {"params": head}))
    np.testing.assert_array_equal(
        found.predict(digits.test.images), (codes - codes.mean(0)).argmax(1)
    )


@pytest.mark.slow
def test_the_best_epoch_on_held_out_images_is_kept(runs, digits):
    wrong = Split(digits.test.images, (digits.test.labels + 1) % 10)  # learning makes it worse
    found = pretraining.fine_tune(
        runs, digits.train, wrong, jax.random.key(5), 30, RATE, BATCH, progress=False
    )
    assert found.valid_errors[-1] > min(found.valid_errors)
    assert found.error(wrong) == min(found.valid_errors)


@pytest.mark.slow
def test_a_fine_tuning_that_was_killed_goes_on_with_the_same_bits(runs, digits, tmp_path):
    def tuned(epochs, workdir):
        return pretraining.fine_tune(
            runs, digits.train, digits.test, jax.random.key(5), epochs, RATE, BATCH, False,
            schedule="constant", workdir=workdir,
        )  # fmt: skip

    whole = tuned(5, None)
    tuned(2, tmp_path)  # as a kill leaves it: the state of the second epoch
    rest = tuned(5, tmp_path)
    assert rest.valid_errors == whole.valid_errors
    jax.tree.map(np.testing.assert_array_equal, rest.variables, whole.variables)
    again = tuned(5, tmp_path)  # nothing is left to do
    jax.tree.map(np.testing.assert_array_equal, again.variables, whole.variables)
    with pytest.raises(CheckpointError, match="has 5 epochs, more than 2"):
        tuned(2, tmp_path)
    with pytest.raises(CheckpointError, match="another fine-tuning"):
        pretraining.fine_tune(
            runs, digits.train, digits.test, jax.random.key(6), 5, RATE, BATCH, False,
            schedule="constant", workdir=tmp_path,
        )  # fmt: skip


@pytest.mark.slow
def test_patience_ends_at_twice_the_best_epoch_and_not_before_ten(runs, digits):
    wrong = Split(digits.test.images, (digits.test.labels + 1) % 10)  # learning makes it worse
    found = pretraining.fine_tune(
        runs, digits.train, wrong, jax.random.key(5), 50, RATE, BATCH, False, patience=2.0
    )
    assert len(found.valid_errors) == 10
    assert not tuning._ends([0.1, *[0.2] * 8], 2.0)
    assert tuning._ends([0.1, *[0.2] * 9], 2.0)
    errors = [0.5, 0.4, 0.3, 0.4, 0.4, 0.4, 0.2, *[0.3] * 7]  # the seventh of fourteen
    assert tuning._ends(errors, 2.0) and not tuning._ends(errors[:-1], 2.0)
    assert not tuning._ends(errors, 3.0) and not tuning._ends(errors, 0.0)


def test_what_is_not_allowed_is_named(runs, digits):
    with pytest.raises(DataError, match="needs labels"):
        pretraining.fine_tune(
            runs, Split(digits.train.images, None), digits.test, jax.random.key(0)
        )
    with pytest.raises(DataError, match="200 images, a batch has 300"):
        pretraining.fine_tune(
            runs, digits.train, digits.test, jax.random.key(0), batch_size=300, progress=False
        )
    with pytest.raises(ConfigError, match="schedule must be one of"):
        pretraining.fine_tune(runs, digits.train, digits.test, jax.random.key(0), schedule="step")
    tanh = config.resolve({**SIGMOID, "encoder": {"code_activation": "tanh"}})
    with pytest.raises(DataError, match="codes of layer 1"):
        pretraining.greedy(tanh, WIDTHS, digits, jax.random.key(0), progress=False)


@pytest.mark.slow
def test_a_convolutional_encoder_can_be_fine_tuned(digits):
    small = {
        "encoder": {"name": "conv_strided"},
        "decoder": {"name": "conv_strided"},
        "train": {"epochs": 0, "batch_size": 40},
    }
    few = Dataset("few", rows(digits.train, slice(0, 40)), rows(digits.test, slice(0, 20)))
    run = ae_jax.fit(small, few, jax.random.key(0), progress=False)
    found = pretraining.fine_tune(
        [run], few.train, few.test, jax.random.key(1), 1, 0.1, 40, progress=False
    )
    # From zero weights the first step of the logistic layer is known: rate * h^T (y - 1/classes).
    h = run.encode(few.train.images)
    target = np.eye(found.variables[-1]["params"]["bias"].size)[few.train.labels]
    step = 0.1 * h.T @ (target - 1 / target.shape[1]) / len(h)
    np.testing.assert_allclose(found.variables[-1]["params"]["kernel"], step, atol=1e-5)
