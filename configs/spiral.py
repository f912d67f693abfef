"""Denoising in two dimensions: points of a spiral, moved off it, fall back on it.

Source: the notes of the course Deep Learning (NYU, spring 2020; Alfredo Canziani and Yann LeCun),
week 7-3, figures of the denoising and the contractive autoencoder. Neither architecture nor noise
level is published, and no number. Each point draws its own noise level between
0 and 0.06 (in [-1,1] units), a fifth of the distance between two branches, so that the network
learns both to leave the curve alone and to come back to it. The figure `field.png` shows points,
noisy points and outputs, and the arrows output - input over the distance traveled: about 1 at the
corners, 0 on the curve. Between two branches it rises from either to a ridge; on the line halfway,
which is none of the data, their pulls cancel. Below it stands the best denoiser there is, the
posterior mean.

    python -m experiments.run --config=configs/spiral.py
    python -m experiments.run --config=configs/spiral.py:unroll

`:noisy` has noise up to 0.12. There a noisy point may come from either of two branches, and what is
best is to stay between them: the posterior mean itself ends 0.3 of the way off the curve.
`:unroll` maps a one-dimensional curve in three dimensions to one number and back, error below
1e-6; `unrolled.png` shows the curve, its code and what codes decode to. `:contractive` has a
contractive penalty (Rifai et al. 2011) in the place of noise, on the same curve: the encoder's
Jacobian shrinks across the curve more than along it. The weights are tied, so that the decoder
cannot undo what the penalty does.

Measured:
`spiral` (3 seeds): mse 2.44e-06 ± 5e-07, PCA 1.42e-33, mean image 0.0149, denoised mse 0.000157 ±
9e-06, best linear denoiser 0.000289 ± 2e-05, moved_on_curve 0.00343 ± 0.0004, jacobian_along 4.55 ±
0.4, jacobian_across 3.92 ± 0.4, moved_at_corners 0.965 ± 0.02, noisy_to_curve 0.0242,
output_to_curve 0.00268 ± 0.0002, best_output_to_curve 0.00231, mse_over_best 1.01 ± 0.003.
`spiral:contractive` (3 seeds): mse 1.3e-05 ± 4e-06, PCA 7.76e-33, mean image 0.0583, moved_on_curve
0.0118 ± 0.002, jacobian_along 0.274 ± 0.03, jacobian_across 0.0725 ± 0.02.
"""

CONFIG = {
    "data": {"name": "spiral", "scale": "sym"},
    "corruption": {"name": "gaussian", "sigma": 0.06, "lowest": 0.0},
    "encoder": {"hidden": (128, 128)},
    "decoder": {"hidden": (128, 128)},
    "model": {"code_size": 64},
    "optim": {"name": "adam", "learning_rate": 3e-3, "schedule": "cosine"},
    "train": {"batch_size": 200, "epochs": 300},
}
VARIANTS = {
    "noisy": {"corruption.sigma": 0.12},
    "unroll": {
        "data.name": "curve3d",
        "corruption": {"name": "none"},
        "encoder.activation": "tanh",
        "decoder.activation": "tanh",
        "model.code_size": 1,
        "train.epochs": 200,
    },
    "contractive": {
        "data.name": "curve3d",
        "corruption": {"name": "none"},
        "encoder": {"activation": "tanh", "code_activation": "tanh"},
        "decoder": {"name": "tied"},
        "penalties": {"contractive": {"weight": 1e-2}},
        "train.epochs": 200,
    },
}
