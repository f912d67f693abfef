"""The body of a method: a line for each step, or for some that fit on one."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from ae_jax.export.pytorch.expressions import expression
from ae_jax.export.pytorch.moving import counted
from ae_jax.export.pytorch.terms import ATOM, Expr, Here, Operand, dims, number
from ae_jax.export.steps import Scalar, Sizes, Step
from ae_jax.export.trace import Graph

WIDTH, INDENT = 88, "        "  # as ruff and black have them
MOST = 4  # calls and signs in a line
NAMES = [*"huvwpqrsabcdefg"] + [f"h{i}" for i in range(1, 1000)]
PRODUCTS = ("dot_general", "conv_general_dilated", "conv_transpose")  # of what has a name
TOKEN = re.compile(r"\$(\w+)\$")  # a name that is not chosen yet
SILENT = re.compile(r'"[^"]*"|#.*')  # texts and comments
SIZE = re.compile(r"(?<![.\w])n(?!\w)")
SIGNS = re.compile(r"\w\(|[^,(] [-+*/@<>=!&|^]+ ")


class Line(NamedTuple):
    """target = text; the shape is a comment."""

    target: str
    text: str
    shape: Sizes


class Body:
    """Collects the lines of a graph; `names` are those of weights and constants in Python."""

    def __init__(self, graph: Graph, names: Mapping[str, str]) -> None:
        self.lines: list[Line] = []
        self._known: dict[Scalar, Operand] = {}
        self._waiting: set[str] = set()  # what is needed once, and has no line yet
        self._like = graph.inputs[0].name
        for v in (*graph.inputs, *graph.weights):
            text = names.get(v.name, v.name)
            self._known[v.name] = Operand(Expr(text, ATOM, v.shape), v.shape, v.dtype)
        for name, array in graph.constants.items():
            e = counted(array, self._like) or Expr(names[name], ATOM, array.shape)
            self._known[name] = Operand(e, array.shape, str(array.dtype))
        uses = Counter(v for s in graph.steps for v in s.inputs)
        for step in graph.steps:
            self._add(step, uses[step.out.name])
        self.result = self._known[graph.outputs[0]].expr.text

    def _add(self, step: Step, uses: int) -> None:
        if step.op in PRODUCTS:
            for v in step.inputs:
                if v in self._waiting and "F." in self._known[v].expr.text:
                    self._line(str(v))
        made = self._expression(step)
        while not _fits(step, made):  # on a line: what it is made of gets lines of its own
            waiting = [v for v in step.inputs if v in self._waiting]
            if not waiting:
                break
            self._line(str(max(waiting, key=lambda v: len(self._known[v].expr.text))))
            made = self._expression(step)
        name = step.out.name
        self._known[name] = Operand(made, step.out.shape, step.out.dtype)
        self._waiting -= {str(v) for v in step.inputs}
        simple = re.fullmatch(r"[\w.$]+|-?[\d.e-]+", made.text) is not None
        if not simple:
            self._waiting.add(name)
            if uses > 1:
                self._line(name)

    def _expression(self, step: Step) -> Expr:
        given = [
            self._known[v] if v in self._known else Operand(number(v), (), step.out.dtype)
            for v in step.inputs
        ]
        return expression(Here(step, tuple(given), self._like))

    def _line(self, name: str) -> None:
        """Gives an expression a line and a name."""
        e, shape, dtype = self._known[name]
        self.lines.append(Line(name, e.text, e.shape))
        self._known[name] = Operand(e._replace(text=f"${name}$", level=ATOM), shape, dtype)
        self._waiting.discard(name)

    def text(self) -> str:
        """Python, indented as that of a method."""
        texts = [line.text for line in self.lines] + [self.result]
        last = {name: i for i, t in enumerate(texts) for name in TOKEN.findall(t)}
        chosen: dict[str, str] = {}
        lines: list[str] = []
        for i, line in enumerate(self.lines):
            taken = {chosen[name] for name in chosen if last[name] > i}
            text = _named(line.text, chosen)
            chosen[line.target] = next(n for n in NAMES if n not in taken)
            lines += shown(f"{chosen[line.target]} = {text}", f"[{dims(line.shape)}]")
        lines += shown(f"return {_named(self.result, chosen)}", "")
        if any(SIZE.search(SILENT.sub("", line)) for line in lines):
            lines.insert(0, f"{INDENT}n = {self._like}.shape[0]")
        return "\n".join(lines)


def _named(text: str, chosen: Mapping[str, str]) -> str:
    return TOKEN.sub(lambda m: chosen[m.group(1)], text)


def _fits(step: Step, e: Expr) -> bool:
    """Whether a line with the expression and its shape is short and simple enough."""
    text = f"{INDENT}h = {TOKEN.sub('h', e.text)}  # [{dims(step.out.shape)}]"
    return len(text) <= WIDTH and len(SIGNS.findall(e.text)) <= MOST


def shown(statement: str, comment: str) -> list[str]:
    """The statement with its comment behind it, or before it; too long a call is broken."""
    line = INDENT + statement
    if comment and len(line) + len(comment) + 4 <= WIDTH:
        return [f"{line}  # {comment}"]
    above = [f"{INDENT}# {comment}"] if comment else []
    head, _, arguments = statement[:-1].partition("(")
    if len(line) <= WIDTH or not _closed(arguments) or statement[-1] != ")":
        return [*above, line]
    if len(inner := f"{INDENT}    {arguments}") <= WIDTH:
        return [*above, f"{INDENT}{head}(", inner, f"{INDENT})"]
    parts = [f"{INDENT}    {part}," for part in _split(arguments)]
    return [*above, f"{INDENT}{head}(", *parts, f"{INDENT})"]


def _closed(arguments: str) -> bool:
    """Whether every bracket that closes was opened, so that they are of one call."""
    depth = 0
    for c in arguments:
        depth += (c in "([") - (c in ")]")
        if depth < 0:
            return False
    return True


def _split(arguments: str) -> list[str]:
    """At the commas outside of brackets."""
    parts, depth = [""], 0
    for c in arguments:
        depth += (c in "([") - (c in ")]")
        if c == "," and not depth:
            parts.append("")
        else:
            parts[-1] += c
    return [p.strip() for p in parts]
