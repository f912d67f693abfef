"""Sparse codes of 64 numbers that are sums of a few of 512 features: are the features found?

1,024 units; of a batch of n codes the 4 n largest numbers are kept, with one threshold at
evaluation (Bussmann, Leask & Nanda 2024, "BatchTopK sparse autoencoders"). The bundled `dictionary`
is made with known features; the application `recovery` compares them with the decoder's. `:top_k`
keeps 4 of each row, `:l1` has a penalty and one tied kernel, which cannot escape it by growing,
`:jump_relu` learns a threshold a unit (Rajamanoharan et al. 2024, "Jumping ahead").

    python -m experiments.run --config=configs/dictionary.py
    python -m experiments.analyse --workdir=runs/dictionary --only=recovery

Measured:
nothing yet; `python -m experiments.defaults --only=dictionary`.
"""

CONFIG = {
    "data": {"name": "dictionary", "scale": "none"},
    "encoder": {"hidden": (), "code_activation": "relu"},
    "bottleneck": {"name": "batch_top_k", "k": 4},
    "decoder": {"hidden": (), "output": "linear"},
    "model": {"code_size": 1024},
    "optim": {"name": "adam", "learning_rate": 3e-3, "schedule": "cosine"},
    "train": {"batch_size": 128, "epochs": 60},
}
VARIANTS = {
    "top_k": {"bottleneck": {"name": "top_k", "k": 4}},
    "l1": {
        "bottleneck": {"name": "identity"},
        "decoder": {"name": "tied", "output": "linear"},
        "penalties.l1": {"weight": 3e-3},
    },
    "jump_relu": {"bottleneck": {"name": "jump_relu"}, "penalties.l0": {"weight": 1e-3}},
}
