"""Columns of rows and the channels they have: numbers, booleans and categories side by side.

A layout says the channels of each column in order: 1 of a number, 0 of a boolean, which has one
channel too, k of a category of k values, of which one channel is 1.
"""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

Layout = tuple[int, ...]


def spans(layout: Layout) -> Iterator[tuple[int, slice]]:
    """(entry of the layout, its channels) of every column."""
    start = 0
    for width in layout:
        stop = start + max(width, 1)
        yield width, slice(start, stop)
        start = stop


def column_of(layout: Layout) -> np.ndarray:
    """Which column each channel belongs to, int [channels]."""
    return np.repeat(np.arange(len(layout)), [max(width, 1) for width in layout])


def output(a: jax.Array, layout: Layout) -> jax.Array:
    """a [..., channels] -> numbers as they are, sigmoids of booleans, softmaxes of categories."""
    parts = []
    for width, channels in spans(layout):
        part = a[..., channels]
        if width == 0:
            part = jax.nn.sigmoid(part)
        elif width > 1:
            part = jax.nn.softmax(part, axis=-1)
        parts.append(part)
    return jnp.concatenate(parts, axis=-1)


def decided(x: np.ndarray, layout: Layout) -> np.ndarray:
    """x [..., channels] with the likelier value of booleans and the likeliest of categories."""
    made = np.array(x)
    for width, channels in spans(layout):
        part = x[..., channels]
        if width == 0:
            made[..., channels] = part >= 0.5
        elif width > 1:
            made[..., channels] = np.eye(width)[part.argmax(axis=-1)]
    return made
