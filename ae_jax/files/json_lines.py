"""Files with one JSON object per line, such as metrics.jsonl."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ae_jax.files import atomic


def read(file: Path) -> list[dict[str, Any]]:
    """The rows, up to a line cut short by a kill, damaged, or without a whole number for `step`."""
    rows: list[dict[str, Any]] = []
    for line in file.read_text(errors="replace").splitlines() if file.exists() else []:
        try:
            row = json.loads(line)
        except ValueError:
            break
        if not isinstance(row, dict) or not isinstance(row.get("step"), int):
            break
        rows.append(row)
    return rows


def write(file: Path, rows: Sequence[dict[str, Any]]) -> None:
    """All rows, atomically."""
    atomic.write(file, "".join(json.dumps(row) + "\n" for row in rows))
