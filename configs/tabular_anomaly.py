CONFIG = {
    "data": {"scale": "standard", "indicator": True},
    "corruption": {"name": "hide", "rate": 0.6, "lowest": 0.0},
    "encoder": {"hidden": (256,), "code_activation": "relu"},
    "model": {"code_size": 256, "init": "he"},
    "loss": {"name": "emphasised_squared_error", "corrupted": 4.0, "kept": 1.0},
    "optim": {
        "name": "adam",
        "learning_rate": 1e-3,
        "schedule": "cosine",
        "final_fraction": 0.0,
        "weight_decay": 1e-2,
        "decoupled": True,
    },
    "train": {"batch_size": 128, "epochs": 100, "drop_remainder": True},
}
