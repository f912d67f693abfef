"""The slots compose: `denoise` with tied weights and a contractive penalty, 784-500-784.

The Jacobian is taken where the encoder is: at the corrupted image. `:plain` is without the penalty.

    python -m experiments.run --config=configs/denoise_contractive_tied.py

Measured:
`denoise_contractive_tied` (3 seeds): mse 0.00905 ± 9e-05, PCA 7.66e-05, mean image 0.0691, denoised
mse 0.0136 ± 7e-05, best linear denoiser 0.0189 ± 7e-05, ||dh/dx||_F 6.48 ± 0.04.
`denoise_contractive_tied:plain` (3 seeds): mse 0.00635 ± 4e-05, PCA 7.66e-05, mean image 0.0691,
denoised mse 0.0132 ± 7e-05, best linear denoiser 0.0189 ± 7e-05, ||dh/dx||_F 9.83 ± 0.01.
"""

CONFIG = {
    "data": {"scale": "sym"},
    "corruption": {"name": "dropout", "rate": 0.5},
    "encoder": {"code_activation": "tanh"},
    "decoder": {"name": "tied", "output": "tanh"},
    "model": {"code_size": 500},
    "penalties": {"contractive": {"weight": 3e-4}},
    "optim": {"name": "adam", "learning_rate": 1e-3},
    "train": {"batch_size": 256, "epochs": 100},
}
VARIANTS = {"plain": {"penalties.contractive": None}}
