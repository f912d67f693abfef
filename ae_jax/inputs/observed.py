"""The error of what was observed; NaN is what was not."""

from typing import Any


def squared_error(x: Any, x_hat: Any) -> Any:
    """sum (x - x^)^2 over what was observed of x, [n]; both [n, H, W, C], of NumPy or JAX.

    Its gradient is 0, not NaN, where nothing was observed.
    """
    numpy = x_hat.__array_namespace__()
    return numpy.square(numpy.where(numpy.isnan(x), 0.0, x - x_hat)).sum((1, 2, 3))
