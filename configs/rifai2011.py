"""One layer of 1,000 sigmoid units, tied weights, cross-entropy, and what makes it robust.

Rifai, Vincent, Muller, Glorot & Bengio 2011, "Contractive auto-encoders: explicit invariance
during feature extraction" (ICML), table 1: test error on MNIST after fine-tuning; "average norm of
the Jacobian" of the encoder before it, which fits the mean of its squared entries; saturated units.

| | error % | mean J^2 (1e-4) | saturated % |
|---|---|---|---|
| `:contractive` (CAE) | 1.14 | 0.73 | 86.36 |
| `:gaussian` (DAE-g) | 1.18 | 0.86 | 17.77 |
| `:binary` (DAE-b, dropped inputs) | 1.57 | 7.87 | 68.19 |
| `:decay` (AE + weight decay) | 1.68 | 5.00 | 12.97 |
| plain (AE) | 1.78 | 17.5 | 49.90 |

There: gradient descent, every strength chosen by the error on validation images after fine-tuning.
Here: Adam with a falling rate; first weights of four times Glorot's bound, as in the authors' code;
fine-tuning by gradient descent at a constant rate, until twice as many epochs are done as the best
one needed. Validation images chose the contractive weight (0.3, not 0.1); the other strengths were
not searched.
See `python -m experiments.literature --only=rifai2011:contractive`.

    python -m experiments.run --config=configs/rifai2011.py:contractive

Measured:
`rifai2011:contractive` (1 seed): test error (%) 1.36, mean J^2 (1e-4) 0.488, saturated (%) 86.8.
`rifai2011:gaussian` (3 seeds): test error (%) 1.87 ± 0.03, Jacobian norm 13.3 ± 0.02; by an older
protocol.
`rifai2011:binary` (3 seeds): test error (%) 1.81 ± 0.05, Jacobian norm 12.9 ± 0.02; by an older
protocol.
`rifai2011:decay` (3 seeds): test error (%) 1.91 ± 0.06, Jacobian norm 13.1 ± 0.02; by an older
protocol.
`rifai2011` (3 seeds): test error (%) 1.95 ± 0.05, Jacobian norm 15.7 ± 0.04; by an older protocol.
`rifai2011:none` (3 seeds): test error (%) 2.48 ± 0.02, Jacobian norm 7.24 ± 0.005; by an older
protocol.
`rifai2011` (3 seeds): mse 0.00219 ± 5e-05, PCA 3.72e-29, mean image 0.0691, loss (nats) 55.5 ± 0.2.
"""

CONFIG = {
    "encoder": {"code_activation": "sigmoid"},
    "decoder": {"name": "tied", "output": "sigmoid"},
    "model": {"code_size": 1000, "init": "sigmoid4"},
    "loss": {"name": "bernoulli_nll", "per": "image"},
    "optim": {"name": "adam", "learning_rate": 1e-3, "schedule": "cosine"},
    "train": {"batch_size": 100, "epochs": 60},
}
VARIANTS = {
    "contractive": {"penalties": {"contractive": {"weight": 0.3}}},
    "gaussian": {"corruption": {"name": "gaussian", "sigma": 0.3}},
    "binary": {"corruption": {"name": "mask", "rate": 0.3}},
    "decay": {"penalties": {"weight_l2": {"weight": 1000.0}}},
}
