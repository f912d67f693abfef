"""x"""

CONFIG = {
    "encoder": {"code_activation": "sigmoid"},
    "decoder": {"output": "sigmoid"},
    "model": {"code_size": 196},
    "penalties": {"sparsity_kl": {"rho": 0.05, "weight": 0.001}},
    "optim": {"name": "adam", "learning_rate": 3e-3},
    "train": {"batch_size": 256, "epochs": 100},
}
