"""Golden files of the models that were published in Keras, written as make_torch.py describes.

Run from the repository root, with Keras 3 and PyTorch installed:
`python tests/golden/make_keras.py`.

Adam is Keras's own. With g the gradient, m and v its running moments and t = 1, 2, ... it steps by
    lr sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + 1e-7),
so its epsilon meets sqrt(v) before the bias correction: at step t it weighs as much as an epsilon
of 1e-7 / sqrt(1 - beta_2^t) does in PyTorch's Adam (3.2e-6 at the first step).

Unlike make_torch.py's, these runs are float32: over PyTorch, Keras multiplies matrices in float32
even when everything is set to float64. Float64 runs of the same formulas in PyTorch alone end
within 1e-5 of them, relative to the largest entry of each array.
"""

import os

os.environ["KERAS_BACKEND"] = "torch"  # read once, when keras is imported

import keras
import numpy as np
import torch
from keras import layers
from make_torch import Record, array, save
from weights import STEPS, batches, draw


def dense() -> tuple[keras.Sequential, keras.Sequential]:
    """784 - 250 relu - 16 tanh | 16 - 320 relu - 784 sigmoid."""
    encoder = keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Flatten(),
            layers.Dense(250, activation="relu"),
            layers.Dense(16, activation="tanh"),
        ]
    )
    decoder = keras.Sequential(
        [
            layers.Input((16,)),
            layers.Dense(320, activation="relu"),
            layers.Dense(784, activation="sigmoid"),
            layers.Reshape((28, 28, 1)),
        ]
    )
    return encoder, decoder


def conv_pool() -> tuple[keras.Sequential, keras.Sequential]:
    """Convolutions and max-pooling down to 16 tanh codes; nearest upsampling and convolutions."""
    encoder = keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(4, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(8, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(150, activation="relu"),
            layers.Dense(16, activation="tanh"),
        ]
    )
    decoder = keras.Sequential(
        [
            layers.Input((16,)),
            layers.Dense(120, activation="relu"),
            layers.Dense(320, activation="relu"),
            layers.Dense(784, activation="relu"),
            layers.Reshape((7, 7, 16)),
            layers.UpSampling2D(2),
            layers.Conv2D(8, 5, padding="same", activation="relu"),
            layers.UpSampling2D(2),
            layers.Conv2D(4, 6, padding="same", activation="relu"),
            layers.Conv2D(1, 7, padding="same", activation="sigmoid"),
        ]
    )
    return encoder, decoder


MODELS = {"dense": dense, "conv_pool": conv_pool}


def record(model: str) -> Record:
    """Ten training steps of one model from our weights."""
    encoder, decoder = MODELS[model]()
    network = keras.Sequential([encoder, decoder])
    parameters = draw(model)
    network.set_weights(list(parameters.values()))  # Keras layers keep kernels in our layout
    x = batches(model).images

    first = keras.ops.convert_to_tensor(x[0])
    code = encoder(first)
    output = decoder(code)
    torch.mean((output - first) ** 2).backward()
    gradients = [array(variable.value.grad) for variable in network.trainable_variables]
    seen: Record = {
        "code": array(code),
        "output": array(output.flatten(1)),
        "grad": dict(zip(parameters, gradients, strict=True)),
    }
    network.zero_grad()

    network.compile(
        keras.optimizers.Adam(1e-3, epsilon=1e-7),
        loss="mse",
        run_eagerly=True,
        jit_compile=False,
    )
    losses = []
    for step in range(STEPS):
        network.reset_metrics()  # else the loss below is a running mean over the steps
        losses.append(float(network.train_on_batch(x[step], x[step])))
    seen["losses"] = np.array(losses)
    seen["param"] = dict(zip(parameters, network.get_weights(), strict=True))
    return seen


def main() -> None:
    """Makes every Keras golden file."""
    torch.set_num_threads(1)  # the order of the sums, so the files, then repeat on one machine
    for model in MODELS:
        save(model, record(model))


if __name__ == "__main__":
    main()
