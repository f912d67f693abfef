"""The cells of a table before its columns have kinds, and what their texts mean."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ae_jax.errors import DataError

# What pandas takes for missing, too.
MISSING = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
ALLOWED = "must be numbers, texts or booleans"
SPACE = " \t\r\n\u00a0"  # around a text is no part of it
NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$|^[+-]?(?i:inf|infinity|nan)$"
THOUSANDS = r"[+-]?[0-9]{1,3}(,[0-9]{3})+"
DECIMAL_COMMA = r"^[+-]?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+),[0-9]+$"


class Cells(NamedTuple):
    """The columns of a table as they were found.

    Attributes:
      where: what messages call the table.
      columns: name -> pyarrow's chunked array of n cells, in order.
      n: the number of rows.
      place: what messages call row i = 0 ... n-1, such as 'line 7'.
    """

    where: str
    columns: Mapping[str, Any]
    n: int
    place: Callable[[int], str]


class Raw(NamedTuple):
    """A column as the numbers that its cells are, and as texts where these are what it holds.

    Attributes:
      numbers: float64 [n], NaN where missing and where `words`.
      words: bool [n], where a cell is there that is no number.
      texts: pyarrow's array of n texts without space around them, null where missing; or None.
      boolean: the numbers, 0 and 1, were booleans.
      declared: the table says that it is a category.
    """

    numbers: np.ndarray
    words: np.ndarray
    texts: Any = None
    boolean: bool = False
    declared: bool = False

    @property
    def missing(self) -> np.ndarray:
        """bool [n]."""
        if self.texts is None:
            return np.isnan(self.numbers)
        return np.asarray(self.texts.is_null())

    def text(self, i: int) -> str:
        """Cell i, as a message shows it."""
        return shown(str(self.texts[i]) if self.texts is not None else f"{self.numbers[i]:g}")

    def matches(self, pattern: str) -> np.ndarray:
        """bool [n]: whether a text is there and matches."""
        if self.texts is None:
            return np.zeros(len(self.numbers), bool)
        return _matches(self.texts, pattern)


def row(i: int) -> str:
    """What messages call row i where it has no line."""
    return f"row {i} (the first is 0)"


def made(
    where: str,
    names: Sequence[str],
    columns: Sequence[Any],
    n: int,
    place: Callable[[int], str] = row,
) -> Cells:
    """Cells, after a look at their names.

    Raises:
      DataError: no rows, no columns, or two of one name.
    """
    if not names:
        raise DataError(f"{where}: no columns")
    first: dict[str, int] = {}
    for i, name in enumerate(names, 1):
        if first.setdefault(name, i) < i:
            both = f"columns {first[name]} and {i}"
            raise DataError(f"{where}: {both} are both called {shown(name)}; rename one")
    if not n:
        raise DataError(f"{where}: no rows")
    return Cells(where, dict(zip(names, columns, strict=True)), n, place)


def raw(cells: Cells, name: str) -> Raw:
    """The column of that name.

    Raises:
      DataError: it holds dates, or something else than numbers, texts and booleans.
    """
    import pyarrow as pa

    try:
        return _raw(cells.columns[name])
    except TypeError as error:
        raise refused(cells, name, str(error)) from None
    except pa.ArrowException as error:
        raise refused(cells, name, f"cannot be read ({shown(str(error), 100)})") from None


def _raw(column: Any) -> Raw:
    import pyarrow as pa

    declared = pa.types.is_dictionary(column.type)
    if declared:
        column = column.cast(column.type.value_type)
    t, is_a = column.type, pa.types
    if is_a.is_string(t) or is_a.is_large_string(t) or is_a.is_string_view(t):
        texts = cleaned(column)
        return Raw(*parsed(texts), texts, declared=declared)
    boolean = is_a.is_boolean(t)
    if (
        boolean
        or is_a.is_null(t)
        or any(is_number(t) for is_number in (is_a.is_integer, is_a.is_floating, is_a.is_decimal))
    ):
        numbers = floats(column.cast(pa.int8()) if boolean else column)
        return Raw(numbers, np.zeros(len(numbers), bool), None, boolean, declared)
    if is_a.is_temporal(t):
        raise TypeError(f"{t}, dates or times; turn them into numbers such as days since a day")
    raise TypeError(f"{shown(str(t))}; {ALLOWED}")


def refused(cells: Cells, name: str, why: str, instead: str = "") -> DataError:
    """Why a column cannot be used, and how to go on without it."""
    return DataError(
        f"{cells.where}: column {shown(name)}: {why}\n"
        f"{instead}leave it out with data.drop={shown(name)}"
    )


def wrong(cells: Cells, name: str, i: int, why: str, mend: str) -> DataError:
    """What is wrong with the cell of row i, and what mends it."""
    return DataError(f"{cells.where}: column {shown(name)}, {cells.place(i)}: {why}\n{mend}")


def cleaned(column: Any) -> Any:
    """pyarrow's array of texts, without space around them, null where missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pc.utf8_trim(column.cast(pa.large_string()).combine_chunks(), characters=SPACE)
    missing = pc.is_in(texts, value_set=pa.array(MISSING, pa.large_string()))
    return pc.if_else(missing, None, texts)


def floats(column: Any) -> np.ndarray:
    """float64 [n] of pyarrow's numbers, NaN where null."""
    import pyarrow as pa

    return np.array(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))


def parsed(texts: Any) -> tuple[np.ndarray, np.ndarray]:
    """Texts -> (float64 [n], NaN where missing or no number; bool [n], where it is no number)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return floats(texts), np.zeros(len(texts), bool)
    except pa.ArrowInvalid:  # something is no number, or has a plus sign
        number = _matches(texts, NUMBER)
        plain = pc.utf8_ltrim(pc.if_else(pa.array(number), texts, None), characters="+")
        return floats(plain), ~number & np.asarray(texts.is_valid())


def _matches(texts: Any, pattern: str) -> np.ndarray:
    import pyarrow.compute as pc

    return np.asarray(pc.match_substring_regex(texts, pattern).fill_null(False))


def canonical(text: str) -> str:
    """One text for a number, however it was written ('3' for '3.0'); other texts as they are.

    Numbers with a zero in front, such as ZIP codes, are texts.
    """
    if not re.match(NUMBER, text) or re.match(r"[+-]?0[0-9]", text):
        return text
    value = float(text)
    return str(int(value)) if abs(value) < 2**53 and value == int(value) else repr(value)


def order(text: str) -> tuple[bool, float, str]:
    """By which categories are sorted: numbers by value, before texts."""
    number = re.match(NUMBER, text) and math.isfinite(float(text))
    return not number, float(text) if number else 0.0, text


def shown(text: str, most: int = 40) -> str:
    """A text in quotes on one line, cut where it is long."""
    return repr(text if len(text) <= most else text[: most - 3] + "...")
