"""Tables of text, as Markdown and for a terminal."""

import re
from collections.abc import Container, Sequence


def terminal(lines: Sequence[Sequence[str]], right: Container[int] = ()) -> str:
    """Columns two spaces apart, those whose numbers are in `right` aligned to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    aligned = [
        (
            c.rjust(w) if i in right else c.ljust(w)
            for i, (c, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    return "\n".join("  ".join(cells).rstrip() for cells in aligned)


def markdown(lines: Sequence[Sequence[str]], all_numbers: bool = False) -> str:
    """Markdown of a table, its head first; columns of numbers are right-aligned.

    With `all_numbers` that is every column but the first, whatever stands in it.
    """
    head, *rest = lines
    rule = ["---"] + [
        "---:" if all_numbers or all(_number(line[i]) for line in rest) else "---"
        for i in range(1, len(head))
    ]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rest))


def _number(cell: str) -> bool:
    return cell == "-" or bool(re.match(r"-?[\d(]", cell))
