"""Tables in markdown."""

import re
from collections.abc import Sequence


def table(lines: Sequence[Sequence[str]], all_numbers: bool = False) -> str:
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
    return cell == "-" or bool(re.match(r"[\d(]", cell))
