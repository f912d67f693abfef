"""The slots compose: `denoise` with tied weights and a contractive penalty, 784-500-784.

The Jacobian is taken where the encoder is: at the corrupted image.

On mnist5k (mse per pixel in [0,1] units; mean ||dh/dx||_F of the clean test images, pixels in
[-1,1]): denoised 0.0137, clean 0.0091, 6.5; `:plain`, without the penalty, 0.0133, 0.0063, 9.8.

    python -m experiments.run --config=configs/denoise_contractive_tied.py
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
