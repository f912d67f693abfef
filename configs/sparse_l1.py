"""x"""

CONFIG = {
    "encoder": {"code_activation": "relu"},
    "decoder": {"output": "sigmoid"},
    "model": {"code_size": 196},
    "penalties": {"l1": {"weight": 1e-4}},
    "optim": {"name": "adam", "learning_rate": 1e-3},
    "train": {"batch_size": 256, "epochs": 100},
}
