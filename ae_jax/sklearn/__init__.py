"""Estimators of scikit-learn: an autoencoder, and a detector of strange rows.

>>> from sklearn.datasets import load_digits
>>> from ae_jax.sklearn import Autoencoder
>>> X, _ = load_digits(return_X_y=True)
>>> model = Autoencoder("undercomplete", code_size=8, epochs=2, random_state=0)
>>> model.fit_transform(X).shape
(1797, 8)
"""

from ae_jax.sklearn.autoencoder import Autoencoder
from ae_jax.sklearn.detector import AnomalyDetector, Reason

__all__ = ["AnomalyDetector", "Autoencoder", "Reason"]
