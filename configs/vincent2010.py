"""One layer of a stack for pre-training a classifier: sigmoid units, tied weights, cross-entropy.

Vincent, Larochelle, Lajoie, Bengio & Manzagol 2010, "Stacked denoising autoencoders: learning
useful representations in a deep network with a local denoising criterion" (JMLR 11, 3371-3408),
table 3, test error on 10,000 training digits (`basic`) after fine-tuning three layers: of plain
autoencoders (SAE-3) 3.46 %, of denoising ones (SDAE-3, a tenth of the inputs dropped) 2.84 %.
`:sdae` drops them; each layer corrupts the codes of the one below.

There: gradient descent; layers of 1,000 to 3,000 units, 5 to 300 epochs of pre-training, rates and
a share of dropped inputs (10, 25 or 40 %), chosen by the error on validation images. Here: 1,000
units and Adam; first weights of four times Glorot's bound; the best on validation images of four
settings drawn at random: 50 to 300 epochs, the rates of pre-training and fine-tuning, the share.
See `python -m experiments.literature --only=vincent2010:sdae`.

    python -m experiments.run --config=configs/vincent2010.py:sdae

Measured:
`vincent2010` (3 seeds): test error (%) 4.11 ± 0.3; by an older protocol.
`vincent2010:sdae` (3 seeds): test error (%) 3.68 ± 0.05; by an older protocol.
`vincent2010:none` (2 seeds): test error (%) 17.7 ± 0.2; by an older protocol.
`vincent2010` (3 seeds): mse 0.00264 ± 7e-05, PCA 3.72e-29, mean image 0.0691, loss (nats) 57.4 ±
0.3.
"""

CONFIG = {
    "encoder": {"code_activation": "sigmoid"},
    "decoder": {"name": "tied", "output": "sigmoid"},
    "model": {"code_size": 1000, "init": "sigmoid4"},
    "loss": {"name": "bernoulli_nll", "per": "image"},
    "optim": {"name": "adam", "learning_rate": 1e-3, "schedule": "cosine"},
    "train": {"batch_size": 100, "epochs": 40},
}
VARIANTS = {"sdae": {"corruption": {"name": "mask", "rate": 0.1}}}
