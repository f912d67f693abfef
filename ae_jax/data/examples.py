"""What the examples of a data set are: images, signals or rows; and what their columns mean.

Inside, all examples are [n, height, width, channels]: a signal [n, L, C] is an image of height 1,
[n, 1, L, C], and a row [n, D] is one pixel of D channels, [n, 1, 1, D].
"""

from typing import NamedTuple

KINDS = ("image", "signal", "rows")


class Column(NamedTuple):
    """A column of a table, or a channel of a signal.

    A number or a boolean (0 and 1) is one channel of a row; a category is one channel of 0 or 1
    for each of its `categories`, of which one is 1.
    """

    name: str
    kind: str = "number"  # 'number', 'boolean' or 'category'
    categories: tuple[str, ...] = ()  # what the channels of a category stand for

    @property
    def width(self) -> int:
        """How many channels it has."""
        return len(self.categories) if self.kind == "category" else 1


class Examples(NamedTuple):
    """The kind of a data set's examples, and their columns if they have names."""

    kind: str = "image"
    columns: tuple[Column, ...] | None = None

    def inner(self, shape: tuple[int, ...]) -> tuple[int, int, int]:
        """(height, width, channels) of an example of the user's `shape`.

        Raises:
          ValueError: an example of this kind has another number of axes.
        """
        axes = {"image": (2, 3), "signal": (1, 2), "rows": (1,)}[self.kind]
        if len(shape) not in axes:
            raise ValueError(f"{self.kind}: an example has {axes} axes, not {len(shape)}")
        if self.kind == "rows":
            return 1, 1, shape[0]
        filled = (*shape, 1) if len(shape) == axes[0] else shape
        return (1, *filled) if self.kind == "signal" else filled  # type: ignore[return-value]

    def outer(self, shape: tuple[int, int, int]) -> tuple[int, ...]:
        """The shape that a user sees of an example [height, width, channels]."""
        return shape[{"image": 0, "signal": 1, "rows": 2}[self.kind] :]
