"""Frechet distance of two sets of codes, taken to be Gaussian.

Between N(m1, C1) and N(m2, C2) it is d^2 = |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), the squared
2-Wasserstein distance (Dowson & Landau 1982). In codes of the Inception network it is the FID of
Heusel et al. 2017; here the codes are the hidden layer of the study's own small classifier, so the
numbers of this package compare with each other and with no published FID.
"""

from typing import NamedTuple

import numpy as np

from ae_jax.analysis.judge import Estimate, jackknifed

NAME = "Frechet distance in the classifier's codes (not FID)"
GROUPS = 10  # of the jackknife


class Normal(NamedTuple):
    """What the distance knows of a set of codes."""

    mean: np.ndarray  # [k]
    covariance: np.ndarray  # [k, k]


def normal(codes: np.ndarray) -> Normal:
    """Mean and covariance, without bias, of codes [n, k]; float64."""
    codes = np.asarray(codes, np.float64)
    covariance = np.cov(codes, rowvar=False).reshape(codes.shape[1], codes.shape[1])
    return Normal(codes.mean(0), covariance)


def root(covariance: np.ndarray) -> np.ndarray:
    """The symmetric R with R R = C, of a covariance C [k, k]."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)


def distance(a: Normal, b: Normal) -> float:
    """d^2 of the two Gaussians, in squared units of the codes.

    (C1 C2)^(1/2) has the trace of (R C1 R)^(1/2), R the root of C2, which is symmetric.
    """
    R = root(b.covariance)
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(R @ a.covariance @ R), 0)).sum()
    apart = np.square(a.mean - b.mean).sum()
    return float(apart + np.trace(a.covariance) + np.trace(b.covariance) - 2 * shared)


def estimate(codes: np.ndarray, reference: Normal) -> Estimate:
    """d^2 of codes [n, k] to a reference, with the error that the choice of the codes makes.

    The error is the jackknife's over ten groups of codes. Finite sets are farther apart than their
    distributions, the more so the fewer they are: compare sets of equal n.
    """
    groups = max(2, min(GROUPS, len(codes) // 2))
    return jackknifed(lambda z: distance(normal(z), reference), np.asarray(codes), groups)
