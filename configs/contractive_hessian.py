"""Higher-order contractive autoencoder, CAE+H (Rifai et al. 2011b): a Jacobian that hardly turns.

`contractive` with a weaker penalty on ||J||_F^2 and one on E ||J(x) - J(x + e)||_F^2, of one draw
e ~ N(0, 0.1^2 I) an image and step (pixels in [-1,1]).

On mnist5k: mean ||J||_F of the test images 0.56, E ||J(x) - J(x + e)||_F^2 9e-6, mse per pixel
in [0,1] units 0.0137; `:first_order`, without the second penalty, 0.68, 44e-6 and 0.0128.

    python -m experiments.run --config=configs/contractive_hessian.py
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
