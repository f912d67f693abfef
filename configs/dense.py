"""Dense autoencoder 784-250-16-320-784, tanh code, sigmoid output.

Source: Adrian Pacurar, "Intro to Autoencoders" (The Mathy Bit, 2018-08-29,
mathybit.github.io/auto-intro), Keras. Published in its text (full MNIST, 50 epochs): a training
loss from about 0.07 to about 0.01; in the companion notebook (github.com/mathybit/ml-tutorials,
autoencoders.ipynb): test 0.011718 per pixel in [0,1] units.

The long plateau at 0.067 at the start of `:published` is the mean image; how long it lasts depends
on the seed: with Keras's initial weights nearly all tanh units saturate at once. On 5,000 digits it
outlasts the training, so there the weights start by He's rule.

    python -m experiments.run --config=configs/dense.py
    python -m experiments.run --config=configs/dense.py:published

Measured:
`dense:published` (seeds: 16, 13 learned nothing): published 0.0117 (test, companion notebook), here
0.01158 ± 0.0005, met.
`dense` (3 seeds): mse 0.0216 ± 0.0003, PCA 0.0281, mean image 0.0691.
"""

CONFIG = {
    "encoder": {"hidden": (250,), "code_activation": "tanh"},
    "decoder": {"hidden": (320,), "output": "sigmoid"},
    "model": {"code_size": 16, "init": "he"},
    "optim": {"name": "keras_adam", "learning_rate": 1e-3, "eps": 1e-7},
    "train": {"batch_size": 200, "epochs": 300},
}
VARIANTS = {"published": {"data.name": "mnist", "model.init": "keras", "train.epochs": 50}}
