"""How badly the columns of a row are predicted from its other columns: a score of strangeness.

The columns of a row that were observed are split into two halves at random, half of `draws` times;
the network sees one half and predicts the other, and the reverse. Every column is so hidden equally
often, once a split. Its error is the mean over the splits of the squared error in the network's
scale, at most MOST; its part is log(error + LEAST), and the score of a row is the mean of the parts
of its observed columns. The logarithm lets many columns that are a little off count as much as one
that is far off.

The splits depend on the key alone, not on the rows: a row has the same score in whatever company.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ae_jax.data.batches import in_batches
from ae_jax.errors import ConfigError
from ae_jax.inputs import checks
from ae_jax.inputs.keys import Key, as_key
from ae_jax.inputs.scaler import Scaler
from ae_jax.model import scaling
from ae_jax.model.compiled import compiled
from ae_jax.model.layout import column_of
from ae_jax.model.pipeline import Batch, Model, Variables

DRAWS = 32  # masks of a row
MOST = 25.0  # of a squared error: five standard deviations are as strange as can be
LEAST = 0.05  # added to a mean error: a column that is predicted well says little


class Hidden(NamedTuple):
    """What hiding the columns of rows tells; NaN where a column was not observed."""

    score: np.ndarray  # float64 [n], the higher, the stranger; NaN of a row without a number
    parts: np.ndarray  # float64 [n, columns]; the score is their mean
    expected: np.ndarray  # float64 [n, D], the mean prediction, in the data's own units
    shown: np.ndarray  # float64 [n, columns], the parts where nothing is hidden


def scored(
    model: Model,
    variables: Variables,
    scaler: Scaler | None,
    rows: np.ndarray,
    key: Key,
    draws: int,
    *labels: np.ndarray,
) -> Hidden:
    """The score of rows [n, 1, 1, D], scaled by `scaler`, NaN where nothing was observed.

    Args:
      model: of rows that may have holes.
      variables: its weights.
      scaler: which channels make a column, and what the units are.
      rows: as the scaler leaves them.
      key: of the splits.
      draws: masks of a row, two a split; an odd number counts as the next even one.
      *labels: [n], where the decoder is told them.

    Raises:
      ConfigError: the model is not of rows with holes, or no draw.
    """
    if scaler is None or scaler.examples.kind != "rows":
        raise ConfigError("score_hidden: is for rows [n, D], and this run was trained on others")
    if not model.holes:
        raise ConfigError("score_hidden: this run was trained without holes (data.missing 'mask')")
    splits = -(-checks.count("draws", draws, 1) // 2)
    column = column_of(scaler.examples.layout or (1,) * len(scaler.shift)).astype(np.int32)
    orders = drawn(as_key(key), splits, int(column[-1]) + 1)
    errors, expected, shown = means(model, variables, column, orders, rows, *labels)
    parts = np.log(errors + LEAST)
    seen = ~np.isnan(parts)
    with np.errstate(invalid="ignore"):
        score = np.where(seen, parts, 0.0).sum(1) / seen.sum(1)
    expected = scaler.to_data(expected[:, None, None, :])
    return Hidden(score, parts, expected, np.log(shown + LEAST))


def drawn(key: jax.Array, splits: int, columns: int) -> np.ndarray:
    """Random orders int32 [splits, columns]: what comes first in one is hidden first."""
    return np.argsort(np.asarray(jax.random.uniform(key, (splits, columns))), 1).astype(np.int32)


def means(
    model: Model,
    variables: Variables,
    column: np.ndarray,
    orders: np.ndarray,
    rows: np.ndarray,
    *labels: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(errors [n, columns] in the network's scale, predictions [n, D] in that of `rows`, errors
    where nothing is hidden), float64.

    Means over the splits by `orders` [splits, columns] of rows [n, 1, 1, D]; `column` [D] says
    which column a channel belongs to. NaN where nothing was observed.
    """

    def of_batch(x: np.ndarray, *told: np.ndarray) -> jax.Array:
        return compiled(_means, model)(variables, column, orders, x, *told)

    found = in_batches(of_batch, rows, *labels).astype(np.float64)
    unseen = np.isnan(rows[:, 0, 0])
    columns = orders.shape[1]
    errors, expected, shown = np.split(found, [columns, columns + len(column)], axis=1)
    blank = unseen[:, np.unique(column, return_index=True)[1]]
    errors, shown = np.where(blank, np.nan, errors), np.where(blank, np.nan, shown)
    return errors, np.where(unseen, np.nan, expected), shown


def _means(
    model: Model,
    variables: Variables,
    column: jax.Array,
    orders: jax.Array,
    rows: jax.Array,
    *labels: jax.Array,
) -> jax.Array:
    """[batch, columns + D + columns]: what `means` returns; 0 where nothing was observed."""
    x = scaling.to_network(rows, model.scale).reshape(len(rows), -1)
    columns = orders.shape[1]
    # A category is observed where its channels are.
    seen = _by_column(~jnp.isnan(x), column, columns) > 0
    many = (jnp.sum(seen, 1, keepdims=True) + 1) // 2  # of the columns, the larger half

    def errors(shown: jax.Array, asked: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Of the channels `asked` for, by column, where those `shown` are; and the prediction."""
        seen = jnp.where(shown, x, jnp.nan).reshape(rows.shape)
        back = model.run(variables, Batch(seen, *labels), None).x_hat.reshape(x.shape)
        square = _by_column(jnp.where(asked, jnp.square(back - x), 0.0), column, columns)
        # What is no number is strange, too.
        return jnp.where(square <= MOST, square, MOST), back

    def of_mask(hidden: jax.Array) -> jax.Array:
        channels = hidden[:, column]
        square, back = errors(~channels, channels)
        back = scaling.to_unit(back, model.scale)
        return jnp.concatenate(
            [jnp.where(hidden, square, 0.0), jnp.where(channels, back, 0.0)], axis=1
        )

    def of_split(total: jax.Array, order: jax.Array) -> tuple[jax.Array, None]:
        place = jnp.cumsum(seen[:, order], axis=1)[:, jnp.argsort(order)]
        first = seen & (place <= many)
        return total + of_mask(first) + of_mask(seen & ~first), None

    total = jnp.zeros((len(x), columns + x.shape[1]), x.dtype)
    whole = ~jnp.isnan(x)
    means = jax.lax.scan(of_split, total, orders)[0] / len(orders)
    return jnp.concatenate([means, errors(whole, whole)[0]], axis=1)


def _by_column(channels: jax.Array, column: jax.Array, columns: int) -> jax.Array:
    """Sums [batch, columns] over the channels [batch, D] of each column."""
    if channels.shape[1] == columns:
        return channels
    return jnp.zeros((len(channels), columns), jnp.float32).at[:, column].add(channels)
