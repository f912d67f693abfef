"""What autoencoders were first for: layers that a classifier starts from.

Greedy layer-wise pre-training (Bengio et al. 2007; Vincent et al. 2010): every layer
is an autoencoder of the codes of the one below. A logistic layer on top makes a classifier of their
encoders, of which then all parameters are trained on labels.
"""

from ae_jax.pretraining.classifier import Classifier
from ae_jax.pretraining.greedy import greedy
from ae_jax.pretraining.tuning import fine_tune

__all__ = ["Classifier", "fine_tune", "greedy"]
