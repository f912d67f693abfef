"""What a trained autoencoder is good for: one file an application, each with its control.

>>> import ae_jax
>>> from ae_jax.data.load import subset
>>> data = subset(ae_jax.load_data("mnist5k"), 500, 100)
>>> config = ae_jax.load_config("undercomplete", **{"train.epochs": 2})
>>> run = ae_jax.fit(config, data, jax.random.key(0), progress=False)
>>> study = Study(run, data, jax.random.key(0))
>>> finding = APPLICATIONS["pca"](study, study.key_for("pca"))
>>> finding.numbers["mse"] > finding.control["pca_mse"]  # it has hardly been trained
True

Each is measured, judged and drawn in steps of its own, see `finding.Application`. Functions of
arrays in these files need no study.
"""

from collections.abc import Callable

import jax

from ae_jax.analysis import (
    anomaly,
    caption,
    classification,
    code_size,
    code_space,
    compression,
    copying,
    denoising,
    dense_vs_conv,
    disentanglement,
    filters,
    generation,
    imputation,
    inpainting,
    interpolation,
    manifold,
    neighborhoods,
    off_manifold,
    pca,
    recovery,
    super_resolution,
    transformations,
    traversals,
)
from ae_jax.analysis.finding import Finding, NotApplicable, Study

__all__ = ["APPLICATIONS", "OF_IMAGES", "Finding", "NotApplicable", "Study"]

ALONE = ("image",)
APPLICATIONS: dict[str, Callable[[Study, jax.Array], Finding]] = {
    "pca": pca.APPLICATION,
    "code_size": code_size.APPLICATION,
    "compression": compression.APPLICATION,
    "denoising": denoising.APPLICATION,
    "inpainting": inpainting.APPLICATION,
    "imputation": imputation.APPLICATION,
    "super_resolution": super_resolution.APPLICATION,
    "anomaly": anomaly.APPLICATION,
    "classification": classification.APPLICATION,
    "interpolation": interpolation.APPLICATION,
    "transformations": transformations.APPLICATION,
    "generation": generation.APPLICATION,
    "code_space": code_space.APPLICATION,
    "traversals": traversals.APPLICATION,
    "neighborhoods": neighborhoods.APPLICATION,
    "off_manifold": off_manifold.APPLICATION,
    "disentanglement": disentanglement.APPLICATION,
    "recovery": recovery.APPLICATION,
    "filters": filters.APPLICATION,
    "manifold": manifold.of_images_or_curve,
    "copying": copying.APPLICATION,
    "caption": caption.APPLICATION,
    "dense_vs_conv": dense_vs_conv.APPLICATION,
}
# Those for images alone, which `experiments.applications` measures.
KNOWN = ("disentanglement",)  # of one bundled set, whose factors are known
OF_IMAGES = tuple(
    name
    for name, application in APPLICATIONS.items()
    if getattr(application, "kinds", None) in (None, ALONE) and name not in KNOWN
)
