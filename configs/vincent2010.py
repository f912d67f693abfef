"""One layer of a stack for pre-training a classifier: sigmoid units, tied weights, cross-entropy.

Vincent et al. 2010, "Stacked denoising autoencoders" (JMLR 11), table 3, test error on 10,000
training digits (`basic`) after fine-tuning three layers: of plain autoencoders (SAE-3) 3.46 %, of
denoising ones (SDAE-3, a tenth of the inputs dropped) 2.84 %. `:sdae` drops them; each layer
corrupts the codes of the one below. Seen here (3 seeds): 4.1 and 3.7 %.
See `python -m experiments.literature --only=vincent2010:sdae`.

    python -m experiments.run --config=configs/vincent2010.py:sdae
"""

CONFIG = {
    "encoder": {"code_activation": "sigmoid"},
    "decoder": {"name": "tied", "output": "sigmoid"},
    "model": {"code_size": 1000, "init": "keras"},
    "loss": {"name": "bernoulli_nll", "per": "image"},
    "optim": {"name": "adam", "learning_rate": 1e-3, "schedule": "cosine"},
    "train": {"batch_size": 100, "epochs": 40},
}
VARIANTS = {"sdae": {"corruption": {"name": "mask", "rate": 0.1}}}
