"""One layer of 1,000 sigmoid units, tied weights, cross-entropy, and what makes it robust.

Rifai et al. 2011, "Contractive auto-encoders" (ICML), table 1, test error on MNIST after
fine-tuning, and the mean norm of the encoder's Jacobian: `:contractive` (CAE) 1.14 %, 0.73e-4;
`:gaussian` (DAE-g) 1.18 %, 0.86e-4; `:binary` (DAE-b, dropped inputs) 1.57 %, 7.87e-4; `:decay`
(AE + weight decay) 1.68 %, 5.00e-4; plain (AE) 1.78 %, 17.5e-4. The strengths here were not
selected. Seen here (10 epochs, 3 seeds): 1.78, 1.87, 1.81, 1.91, 1.95 % in that order, norms from
10.2 to 15.7. See `python -m experiments.literature --only=rifai2011:contractive`.

    python -m experiments.run --config=configs/rifai2011.py:contractive
"""

CONFIG = {
    "encoder": {"code_activation": "sigmoid"},
    "decoder": {"name": "tied", "output": "sigmoid"},
    "model": {"code_size": 1000, "init": "keras"},
    "loss": {"name": "bernoulli_nll", "per": "image"},
    "optim": {"name": "adam", "learning_rate": 1e-3, "schedule": "cosine"},
    "train": {"batch_size": 100, "epochs": 15},
}
VARIANTS = {
    "contractive": {"penalties": {"contractive": {"weight": 0.1}}},
    "gaussian": {"corruption": {"name": "gaussian", "sigma": 0.3}},
    "binary": {"corruption": {"name": "mask", "rate": 0.3}},
    "decay": {"penalties": {"weight_l2": {"weight": 1000.0}}},
}
