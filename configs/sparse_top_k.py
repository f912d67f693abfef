"""x"""

CONFIG = {
    "data": {"center": True},
    "bottleneck": {"name": "top_k", "k": 25},
    "model": {"code_size": 500},
    "penalties": {"revive": {"weight": 0.0}},
    "optim": {"name": "adam", "learning_rate": 1e-3},
    "train": {"batch_size": 256, "epochs": 100},
}
