"""k-sparse autoencoder 784-500-784: of 500 linear units the 25 largest of each image are kept.

Makhzani & Frey 2014, "k-Sparse autoencoders" (ICLR). `:revive` adds the auxiliary loss of Gao et
al. 2024 ("Scaling and evaluating sparse autoencoders") with their weight of 1/32 (of the error per
pixel: 1/32/784), by which units that a batch left unused learn to explain what is missing.

`:makhzani` has their size, 1,000 tied units, on full MNIST. Published in a table: logistic
regression on the codes errs on 1.35 % of the test images (on pixels 7.20 %). There: 5,000 epochs of
gradient descent, k falling from 100 to 25 in the first half, and 75 units kept for the classifier,
chosen on validation images. Here: 30 epochs of Adam with k = 25, and as many units for the
classifier as validation images choose. See `python -m experiments.literature`.

    python -m experiments.run --config=configs/sparse_top_k.py
    python -m experiments.run --config=configs/sparse_top_k.py:revive

Measured:
`sparse_top_k:makhzani` (1 seed): test error (%) 1.54, error on pixels (%) 7.45.
`sparse_top_k` (3 seeds): mse 0.0133 ± 0.0002, PCA 7.66e-05, mean image 0.0691, units not 0 (%) 5,
units never used 98.3 ± 6.
`sparse_top_k:revive` (3 seeds): mse 0.0134 ± 0.0002, PCA 7.66e-05, mean image 0.0691, units not 0
(%) 5, units never used 0.333 ± 0.6.
"""

CONFIG = {
    "data": {"center": True},
    "bottleneck": {"name": "top_k", "k": 25},
    "model": {"code_size": 500},
    "optim": {"name": "adam", "learning_rate": 1e-3},
    "train": {"batch_size": 256, "epochs": 100},
}
VARIANTS = {
    "revive": {"penalties.revive": {"weight": 4e-5, "k": 25}},
    "makhzani": {
        "data.name": "mnist",
        "decoder.name": "tied",
        "model.code_size": 1000,
        "train.epochs": 30,
    },
}
