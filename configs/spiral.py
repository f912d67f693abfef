"""Denoising in two dimensions: points of a spiral, moved off it, fall back on it (course notes).

Architecture and noise level are not published. Each point draws its own noise level between
0 and 0.12 (in [-1,1] units), so that the network learns both to leave the curve alone and to
come back to it from afar. The figure `field.png` shows points, noisy points and outputs, and the
arrows output - input over the distance travelled: about 1 at the corners, 0 on the curve.

    python -m experiments.run --config=configs/spiral.py
    python -m experiments.run --config=configs/spiral.py:unroll

Reached: 1.0 from the corners, 0.01 on the curve.

`:unroll` maps a one-dimensional curve in three dimensions to one number and back, error below
1e-6. `:contractive` has a contractive penalty (Rifai et al. 2011) in the place of noise, on the
same curve: the encoder's Jacobian shrinks across the curve (0.92 to 0.12) more than along it (0.95
to 0.44). The weights are tied, so that the decoder cannot undo what the penalty does.
"""

CONFIG = {
    "data": {"name": "spiral", "scale": "sym"},
    "corruption": {"name": "gaussian", "sigma": 0.12, "lowest": 0.0},
    "encoder": {"hidden": (128, 128)},
    "decoder": {"hidden": (128, 128)},
    "model": {"code_size": 64},
    "optim": {"name": "adam", "learning_rate": 3e-3, "schedule": "cosine"},
    "train": {"batch_size": 200, "epochs": 200},
}
VARIANTS = {
    "unroll": {
        "data.name": "curve3d",
        "corruption": {"name": "none"},
        "encoder.activation": "tanh",
        "decoder.activation": "tanh",
        "model.code_size": 1,
    },
    "contractive": {
        "data.name": "curve3d",
        "corruption": {"name": "none"},
        "encoder": {"activation": "tanh", "code_activation": "tanh"},
        "decoder": {"name": "tied"},
        "penalties": {"contractive": {"weight": 1e-2}},
    },
}
