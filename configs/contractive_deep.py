"""Contractive autoencoder 784-250-16-250-784, tanh: the Jacobian of the whole encoder is penalised.

Not of each layer by itself, as where contractive layers are stacked (Rifai et al. 2011); through
the Gram matrix of the first layer it needs no array [batch, 16, 784].

On mnist5k (mean ||dh/dx||_F of the test images, pixels in [-1,1]; mse per pixel in [0,1] units):
0.32 and 0.0194; `:plain`, without the penalty, 0.93 and 0.0191.

    python -m experiments.run --config=configs/contractive_deep.py
"""

CONFIG = {
    "data": {"scale": "sym"},
    "encoder": {"hidden": (250,), "activation": "tanh", "code_activation": "tanh"},
    "decoder": {"hidden": (250,), "activation": "tanh", "output": "tanh"},
    "model": {"code_size": 16},
    "penalties": {"contractive": {"weight": 0.05, "warmup_epochs": 50}},
    "optim": {"name": "adam", "learning_rate": 1e-3, "b2": 0.95},
    "train": {"batch_size": 256, "epochs": 100},
}
VARIANTS = {"plain": {"penalties.contractive": None}}
