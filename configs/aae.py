"""Adversarial autoencoder: a critic tells codes from draws of N(0, I), and the encoder deceives it.

Makhzani et al. 2015, "Adversarial autoencoders"; critic and encoder learn in the same step, through
gradient reversal (Ganin et al. 2016, "Domain-adversarial training of neural networks"). Squared
error per image, and the networks of `wae`, so that the two can be compared; the control without
either penalty is `wae:plain`. The code is not random.

The critic must not run away: Adam's b1 is 0.5, as Radford et al. 2016 ("Unsupervised representation
learning with deep convolutional generative adversarial networks") found for such pairs. With 0.9 a
weight of 5 ended at a term of 0.001, codes hundreds of units from the prior and the mean image.

    python -m experiments.run --config=configs/aae.py
    python -m experiments.analyse --workdir=runs/aae --only=generation

Measured:
`aae` (3 seeds): mse 0.0237 ± 0.0001, PCA 0.039, mean image 0.0691.
"""

CONFIG = {
    "encoder": {"hidden": (512, 256)},
    "decoder": {"hidden": (256, 512), "output": "sigmoid"},
    "loss": {"name": "squared_error", "per": "image"},
    "penalties": {"adversarial": {"weight": 2.0}},
    "model": {"code_size": 8, "init": "he"},
    "optim": {"name": "adam", "learning_rate": 1e-3, "b1": 0.5, "schedule": "cosine"},
    "train": {"batch_size": 128, "epochs": 60},
}
