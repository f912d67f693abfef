"""What a trained autoencoder is good for: one file an application, each with its control.

>>> study = Study(run, data, jax.random.key(0))
>>> finding = APPLICATIONS["interpolation"](study, study.key_for("interpolation"))
>>> finding.sentence, finding.numbers, finding.control, finding.figures

The functions above `analyse` in each file work on arrays and need no study.
"""

from collections.abc import Callable

import jax

from ae_jax.analysis import classification, compression, denoising, pca
from ae_jax.analysis.finding import Finding, NotApplicable, Study

__all__ = ["APPLICATIONS", "Finding", "NotApplicable", "Study"]

APPLICATIONS: dict[str, Callable[[Study, jax.Array], Finding]] = {
    "pca": pca.analyse,
    "compression": compression.analyse,
    "denoising": denoising.analyse,
    "classification": classification.analyse,
}
