"""Contractive autoencoder 784-250-16-250-784, tanh: the Jacobian of the whole encoder is penalized.

Not of each layer by itself, as where contractive layers are stacked (Rifai et al. 2011, see
`contractive`); through the Gram matrix of the first layer it needs no array [batch, 16, 784].
`:plain` is without the penalty.

    python -m experiments.run --config=configs/contractive_deep.py

Measured:
`contractive_deep` (3 seeds): mse 0.0195 ± 0.0002, PCA 0.0281, mean image 0.0691, ||dh/dx||_F 0.322
± 0.002.
`contractive_deep:plain` (3 seeds): mse 0.0191 ± 8e-05, PCA 0.0281, mean image 0.0691, ||dh/dx||_F
0.929 ± 0.01.
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
