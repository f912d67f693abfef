"""Strided 1-D convolutions for signals [length, channels], 6 codes.

Encoder: conv 3x16 and 3x32 of stride 2 along time, then one over all that is left; the decoder is
the transposed mirror image. A signal is an image of height 1, so that kernels are [1, 3, in, out],
those of PyTorch's Conv1d. Channels are standardized by the training signals. NaN is what was not
recorded, also behind the end of a shorter signal: it stays out of the loss.

The default data are `waves`: a sine and a cosine of random frequency, phase and size, 3 numbers a
signal. Of your own, signals in an array [n, length, channels]:

    python -m experiments.run --config=configs/signal.py
    python -m experiments.run --config=configs/signal.py --config.data.name=ecg.npy \
        --config.data.kind=signal

The architecture is `conv_strided`'s. Nothing is published on these data.
"""

CONFIG = {
    "data": {"name": "waves", "scale": "standard"},
    "encoder": {"name": "conv_strided"},
    "decoder": {"name": "conv_strided"},
    "model": {"code_size": 6, "init": "he"},
    "optim": {"name": "adam", "learning_rate": 2e-3, "schedule": "cosine"},
    "train": {"batch_size": 50, "epochs": 40},
}
