"""Finds config files and executes them."""

import ast
import difflib
import os
import runpy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ae_jax.config.schema import unknown
from ae_jax.errors import ConfigError


def execute(file: str) -> tuple[Path, dict[str, Any]]:
    """(path, what the file defines); a bare name is one of the project's configs.

    Raises:
      ConfigError: there is no such file, or it cannot be run or has no CONFIG.
    """
    ours = folder()
    given = os.path.expanduser(file)
    candidates = (Path(given), Path(f"{given}.py"), ours / f"{given}.py")
    source = next((path for path in candidates if path.is_file()), None)
    if source is None:
        raise ConfigError(_no_config(file, sorted(path.stem for path in ours.glob("*.py"))))
    try:
        module = runpy.run_path(str(source))
    except Exception as error:  # whatever a user's file raises is the user's to read
        raise ConfigError(f"{file}: {type(error).__name__}: {error}") from error
    if not isinstance(module.get("CONFIG"), Mapping):
        raise ConfigError(f"{file}: defines no dict named CONFIG")
    return source, module


def folder() -> Path:
    """Of the project's configs: beside the package in a checkout, in the package of a wheel."""
    package = Path(__file__).parents[1]
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


def summaries() -> dict[str, str]:
    """The names of the project's configs, and what each says of itself in its first line."""
    texts = {p.stem: ast.get_docstring(ast.parse(p.read_text())) for p in folder().glob("*.py")}
    return {name: (texts[name] or "").partition("\n")[0] for name in sorted(texts)}


def _no_config(file: str, known: Sequence[str]) -> str:
    """What to do about a name that is none of the `known` configs', or a file that is not there."""
    path = Path(file)
    if path.suffix != ".py" and len(path.parts) == 1:
        return unknown("--config", file, known, "config")
    near = difflib.get_close_matches(path.stem, known, n=1)
    ours = f"\nuse the name of the project's own config: --config={near[0]}" if near else ""
    return f"--config: there is no file '{file}' in {Path.cwd()}{ours}"
