"""What the module says of its run: in its docstring, and as constants.

What users named, such as columns, is there as literals alone.
"""

import re
import textwrap
from collections.abc import Iterable
from typing import Any

from ae_jax.export import description
from ae_jax.export.pytorch.body import WIDTH
from ae_jax.export.pytorch.terms import dims
from ae_jax.inputs.examples import PLURALS
from ae_jax.inputs.scaler import channel_names
from ae_jax.model.pipeline import Model


def facts(model: Model, said: dict[str, Any]) -> str:
    """What a user must know, in two columns."""
    kind, found = said["kind"], said["threshold"]
    holes = ", NaN what was not observed" if model.holes else ""
    units = "bytes, or numbers in [0,1]" if kind == "image" else f"in the scale '{model.scale}'"
    told = {
        "config": _plain(said["config"]["name"]),
        "examples": f"[n, {dims(model.shape)}], {PLURALS[kind]}: {units}{holes}",
        "codes": f"[n, {said['code_size']}]",
    }
    if kind != "image":
        told["scale"] = "`to_network` brings what was measured into it, `to_data` brings it back"
    if model.conditional:
        told["labels"] = f"[n], 0 ... {said['classes'] - 1}"
    if found:
        above = f"a new ordinary example is above it with probability {found['false_alarms']:g}"
        told["threshold"] = f"{found['score']:g}; {above} at most (found from {found['examples']})"
    told["trained"] = f"parameters of SHA-256 {said['run']['params_sha256']}"
    told["made by"] = ", ".join(f"{k} {v}" for k, v in said["versions"].items())
    first = {name: f"    {name:<11}" for name in told}
    return "\n".join(
        textwrap.fill(text, WIDTH, initial_indent=first[name], subsequent_indent=" " * 15)
        for name, text in told.items()
    )


def _plain(name: str) -> str:
    """A name that cannot end the text around it."""
    return re.sub(r"[^\w.:,/ -]", "?", name)


def constants(said: dict[str, Any]) -> str:
    """Those of the run, as assignments."""
    found, scaler = said["threshold"], description.door_of(said).scaler
    columns = scaler and channel_names(scaler.examples.columns, len(scaler.shift))
    lines = [f"THRESHOLD = {found['score']!r}"] if found else []
    if said["class_names"]:
        lines += _tuple("CLASSES", said["class_names"])
    if columns and scaler and scaler.examples.columns:
        lines += _tuple("COLUMNS", columns)
    return "".join(f"\n{line}" for line in lines)


def _tuple(name: str, texts: Iterable[str]) -> list[str]:
    """An assignment, on one line if it fits."""
    literals = [_literal(text) for text in texts]
    line = f"{name} = ({', '.join(literals)}{',' * (len(literals) == 1)})"
    if len(line) <= WIDTH:
        return [line]
    return [f"{name} = (", *(f"    {text}," for text in literals), ")"]


def _literal(text: str) -> str:
    """In the quotes that need fewer escapes, double ones if neither does."""
    found = repr(text)
    if found[0] == '"' or text.count('"') > text.count("'"):
        return found
    inner = found[1:-1].replace("\\'", "'")
    return '"' + inner.replace('"', '\\"') + '"'
