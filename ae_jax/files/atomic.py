"""Writing a file so that a reader sees the old one or the new one."""

import os
from pathlib import Path


def write(file: Path, text: str) -> None:
    """Writes beside it, then renames."""
    temporary = file.with_name(f".{file.name}.new")
    temporary.write_text(text)
    os.replace(temporary, file)
