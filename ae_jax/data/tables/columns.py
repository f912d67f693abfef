"""A column of a table -> its kind and its channels: what is inferred, and what is refused."""

import re

import numpy as np

from ae_jax.data.tables import cells as table_cells
from ae_jax.data.tables.cells import DECIMAL_COMMA, THOUSANDS, Cells, Raw, shown
from ae_jax.errors import DataError
from ae_jax.inputs.examples import Column

KINDS = ("number", "boolean", "category")
MOST_CATEGORIES = 50  # that are inferred
MOST_ASKED = 1000  # of a column that is said to be a category
BOOLEAN, TRUE = "^(?i:true|false)$", "^(?i:true)$"
DATE = (
    r"^[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}([T ].*)?$|^[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4}"
    r"( .*)?$|^[0-9]{1,2}:[0-9]{2}(:[0-9.]+)?$"
)


def encoded(
    cells: Cells, name: str, kind: str | None = None, like: Column | None = None
) -> tuple[Column, np.ndarray]:
    """(the column, its channels float64 [n, width], NaN where not observed).

    Args:
      cells: the table.
      name: of the column.
      kind: 'number', 'boolean' or 'category'; None: inferred.
      like: the same column of another table, whose kind and categories it has.

    Raises:
      DataError: a cell that is not of this kind, or what has none; names column, row and cell.
    """
    raw = table_cells.raw(cells, name)
    kind = like.kind if like else kind or _inferred(cells, name, raw)
    if kind == "category":
        known = like.categories if like else None
        categories, values = _category(cells, name, raw, known)
        return Column(name, kind, categories), values
    values = (_booleans if kind == "boolean" else _numbers)(cells, name, raw)
    return Column(name, kind), values[:, None]


def labels(cells: Cells, name: str) -> np.ndarray:
    """The column as labels [n]: int64 >= 0, or text, which other whole numbers become.

    Raises:
      DataError: some are missing, or are numbers with a fraction.
    """
    raw = table_cells.raw(cells, name)
    if raw.missing.any():
        i, mend = int(np.argmax(raw.missing)), "a label must stand in each row"
        raise table_cells.wrong(cells, name, i, "no label", mend)
    if raw.matches(BOOLEAN).all():
        return raw.matches(TRUE).astype(np.int64)
    if raw.words.any():
        return np.array(raw.texts.to_pylist(), str)
    values = raw.numbers
    if (broken := values != np.rint(values)).any() or np.isinf(values).any():
        i = int(np.argmax(broken | np.isinf(values)))
        mend = "labels must be whole numbers, or text"
        raise table_cells.wrong(cells, name, i, f"a label {values[i]:g}", mend)
    if values.min() >= 0 and values.max() <= np.iinfo(np.int32).max:
        return values.astype(np.int64)
    return np.array([table_cells.canonical(repr(value)) for value in values.tolist()], str)


def _inferred(cells: Cells, name: str, raw: Raw) -> str:
    """The kind of a column."""
    if raw.declared:
        return "category"
    if not raw.words.any():
        return "boolean" if raw.boolean else "number"
    observed = int((~raw.missing).sum())
    numbers = observed - raw.words.sum() + raw.matches(DECIMAL_COMMA).sum()
    if 2 * numbers >= observed:  # `_numbers` says which cells are none
        return "number"
    if raw.matches(BOOLEAN).sum() == observed:
        return "boolean"
    if raw.matches(DATE).sum() == observed:
        mend = "turn them into numbers such as days since a day, or "
        raise table_cells.refused(cells, name, f"dates or times, {_example(raw)}", mend)
    if (broken := raw.matches("\n")).any():
        mend = f"if not, say data.columns={shown(f'{name}:category,*')}"
        raise table_cells.wrong(
            cells, name, int(np.argmax(broken)), "text of several lines; is a quote missing?", mend
        )
    if (found := len(raw.texts.unique().drop_null())) > MOST_CATEGORIES or 2 * found >= cells.n:
        raise _too_many(cells, name, raw, found)
    return "category"


def _too_many(cells: Cells, name: str, raw: Raw, found: int) -> DataError:
    """Text that is no category."""
    texts = f"{found:,} different text{'s' * (found > 1)}"
    of = f"{texts} in {cells.n:,} row{'s' * (cells.n > 1)}, {_example(raw)}"
    allowed = f"a category has at most {MOST_CATEGORIES}, and fewer than half of the rows"
    instead = f"say data.columns={shown(f'{name}:category,*')}, or "
    return table_cells.refused(cells, name, f"{of}; {allowed}", instead)


def _example(raw: Raw) -> str:
    return f"such as {raw.text(int(np.argmin(raw.missing)))}"


def _numbers(cells: Cells, name: str, raw: Raw) -> np.ndarray:
    """float64 [n]."""
    if raw.words.any():
        raise _no_number(cells, name, raw)
    if (infinite := np.isinf(raw.numbers)).any():
        i = int(np.argmax(infinite))
        mend = "numbers must be finite; what is unknown is an empty cell"
        raise table_cells.wrong(cells, name, i, f"{raw.text(i)} is infinite", mend)
    return raw.numbers


def _no_number(cells: Cells, name: str, raw: Raw) -> DataError:
    """Text in a column of numbers."""
    i = int(np.argmax(raw.words))
    others = int(raw.words.sum()) - 1
    why = f"{raw.text(i)} is no number" + (f", nor are others ({others:,})" if others else "")
    mend = f"leave what is unknown empty, or say data.columns={shown(f'{name}:category,*')}"
    if raw.matches(DECIMAL_COMMA)[i]:
        mend = f"numbers have a point and no comma: {_without_comma(str(raw.texts[i]))}"
    return table_cells.wrong(cells, name, i, why, mend)


def _without_comma(text: str) -> str:
    """How to write it: '12.5' for '12,5', and both that '1,250' may be."""
    if re.fullmatch(THOUSANDS, text):
        return f"{text.replace(',', '')}, or with a decimal comma {text.replace(',', '.')}"
    return f"{text.replace('.', '').replace(',', '.')}, which has a decimal comma"


def _booleans(cells: Cells, name: str, raw: Raw) -> np.ndarray:
    """float64 [n] of 0 and 1."""
    values = np.where(raw.matches(BOOLEAN), raw.matches(TRUE), raw.numbers)
    if (other := ~np.isin(values, (0, 1)) & ~raw.missing).any():
        i, mend = int(np.argmax(other)), "a boolean is true or false, or 1 or 0"
        raise table_cells.wrong(cells, name, i, f"{raw.text(i)} is no boolean", mend)
    return values


def _category(
    cells: Cells, name: str, raw: Raw, known: tuple[str, ...] | None
) -> tuple[tuple[str, ...], np.ndarray]:
    """(categories in order, one-hot float64 [n, k]); `known`: the categories that there may be."""
    codes, levels = _levels(cells, name, raw)
    if known is None:
        known = tuple(sorted(set(levels), key=table_cells.order))
        if not known:
            raise table_cells.refused(cells, name, "a category without any value")
    number = {level: i for i, level in enumerate(known)}
    for i, level in enumerate(levels):
        if level not in number:
            listed = f"{', '.join(known[:8])}{', ...' if len(known) > 8 else ''}"
            why = f"{shown(level)} is not among the categories of the training set"
            row = int(np.argmax(codes == i))
            raise table_cells.wrong(cells, name, row, why, f"they are {shown(listed, 100)}")
    hot = np.vstack([np.eye(len(known)), np.full(len(known), np.nan)])
    places = np.array([*(number[level] for level in levels), len(known)])
    return known, hot[places[codes]]  # a code of -1 is the last place, which is NaN


def _levels(cells: Cells, name: str, raw: Raw) -> tuple[np.ndarray, list[str]]:
    """(codes int [n], -1 where missing; what each code stands for)."""
    if raw.texts is None:
        found, codes = np.unique(raw.numbers, return_inverse=True)  # one NaN, and it is last
        codes = np.where(raw.missing, -1, codes.reshape(-1))
        found = found[~np.isnan(found)]
    else:
        dictionary = raw.texts.dictionary_encode()
        codes = dictionary.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        found = dictionary.dictionary
    if len(found) > MOST_ASKED:
        why = f"{len(found):,} different values; a category has at most {MOST_ASKED:,}"
        raise table_cells.refused(cells, name, why)
    if raw.boolean:
        return codes, [str(bool(value)) for value in found]
    texts = map(repr, found.tolist()) if raw.texts is None else found.to_pylist()
    return codes, [table_cells.canonical(text) for text in texts]
