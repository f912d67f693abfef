"""Higher-order contractive autoencoder, CAE+H: a Jacobian that hardly turns.

Rifai, Mesnil, Vincent, Muller, Bengio, Dauphin & Glorot 2011, "Higher order contractive
auto-encoder" (ECML PKDD). `contractive` with a weaker penalty on ||J||_F^2 and one on
E ||J(x) - J(x + e)||_F^2, of one draw e ~ N(0, 0.1^2 I) an image and step (pixels in [-1,1]).
`:first_order` is without the second penalty.

    python -m experiments.run --config=configs/contractive_hessian.py

Measured:
`contractive_hessian` (3 seeds): mse 0.0137 ± 0.0001, PCA 0.0187, mean image 0.0691, ||dh/dx||_F
0.564 ± 0.001, E ||J(x) - J(x + e)||_F^2 9.09e-06 ± 5e-07.
`contractive_hessian:first_order` (3 seeds): mse 0.0128 ± 3e-05, PCA 0.0187, mean image 0.0691,
||dh/dx||_F 0.674 ± 0.004, E ||J(x) - J(x + e)||_F^2 3.91e-05 ± 4e-06.
"""

CONFIG = {
    "data": {"scale": "sym"},
    "encoder": {"code_activation": "tanh"},
    "decoder": {"output": "tanh"},
    "model": {"code_size": 30},
    "penalties": {
        "contractive": {"weight": 0.02, "warmup_epochs": 200},
        "contractive_hessian": {"weight": 100.0, "sigma": 0.1, "samples": 1, "warmup_epochs": 200},
    },
    "optim": {"name": "adam", "learning_rate": 1e-3, "b2": 0.95},
    "train": {"batch_size": 256, "epochs": 300},
}
VARIANTS = {"first_order": {"penalties.contractive_hessian": None}}
