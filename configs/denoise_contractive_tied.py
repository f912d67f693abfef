"""The slots compose: `denoise` with tied weights and a contractive penalty, 784-500-784.

The Jacobian is taken where the encoder is: at the corrupted image. `:plain` is without the penalty.

    python -m experiments.run --config=configs/denoise_contractive_tied.py

Measured:
nothing yet; `python -m experiments.defaults --only=denoise_contractive_tied`.
"""

CONFIG = {
    "data": {"scale": "sym"},
    "corruption": {"name": "dropout", "rate": 0.5},
    "encoder": {"code_activation": "tanh"},
    "decoder": {"name": "tied", "output": "tanh"},
    "model": {"code_size": 500},
    "penalties": {"contractive": {"weight": 3e-4}},
    "optim": {"name": "adam", "learning_rate": 1e-3},
    "train": {"batch_size": 256, "epochs": 100},
}
VARIANTS = {"plain": {"penalties.contractive": None}}
