"""Dense autoencoder 784-250-16-320-784, tanh code, sigmoid output (Keras tutorial).

Published (full MNIST, 50 epochs): training loss from about 0.07 to about 0.01, test 0.011718 per
pixel in [0,1] units. The long plateau at 0.067 at the start is the mean image; how long it lasts
depends on the seed: with Keras's initial weights nearly all tanh units saturate at once. Seen here:
of seeds 0 to 15, 9, 10 and 11 leave it and end with 0.0119, 0.0109 and 0.0119 on the test set; the
others stay to the end, as each of 4 seeds does in PyTorch by the same rule, in 3 epochs. On 5,000
digits it outlasts the training, so there the weights start by He's rule (training loss 0.059 in the
first ten epochs, 0.021 after 100).

    python -m experiments.run --config=configs/dense.py
    python -m experiments.run --config=configs/dense.py:published
"""

CONFIG = {
    "encoder": {"hidden": (250,), "code_activation": "tanh"},
    "decoder": {"hidden": (320,), "output": "sigmoid"},
    "model": {"code_size": 16, "init": "he"},
    "optim": {"name": "keras_adam", "learning_rate": 1e-3, "eps": 1e-7},
    "train": {"batch_size": 200, "epochs": 300},
}
VARIANTS = {"published": {"data.name": "mnist", "model.init": "keras", "train.epochs": 50}}
