"""Finds patterns in a graph.

A pattern is a tree (op, *operands): an operand is a pattern, a number, or text, which stands for
the same array or number wherever it occurs. After ':' an op has a name for its step.
"""

import math
from typing import Any, TypeAlias

from ae_jax.export.steps import Scalar, Sizes, Step
from ae_jax.export.trace import Graph

Pattern: TypeAlias = Any
Match: TypeAlias = dict[str, Any]  # what the names of a pattern stand for: operands, and steps
Made: TypeAlias = tuple[str, tuple[Scalar, ...], dict[str, Any]]  # op, inputs, params

COMMUTE = ("add", "mul", "max", "min", "or", "and", "eq", "ne")


class Around:
    """What is known of a graph up to a step."""

    def __init__(self, graph: Graph) -> None:
        self.shapes: dict[Scalar, Sizes] = {v.name: v.shape for v in graph.inputs + graph.weights}
        self.shapes |= {name: array.shape for name, array in graph.constants.items()}
        self.steps: dict[Scalar, Step] = {}
        self.constants = dict(graph.constants)

    def add(self, step: Step) -> None:
        """A step more."""
        self.steps[step.out.name] = step
        self.shapes[step.out.name] = step.out.shape

    def match(self, pattern: Pattern, operand: Scalar, known: Match | None = None) -> Match | None:
        """What the names stand for if the pattern is what makes the operand, or None."""
        known = dict(known or {})
        if isinstance(pattern, str):
            return known if known.setdefault(pattern, operand) == operand else None
        if not isinstance(pattern, tuple):
            number = isinstance(operand, float) and math.isclose(operand, pattern, rel_tol=1e-6)
            return known if number else None
        op, _, label = pattern[0].partition(":")
        step = self.steps.get(operand)
        if step is None or step.op != op or len(step.inputs) != len(pattern) - 1:
            return None
        known |= {label: step} if label else {}
        for inputs in [step.inputs, step.inputs[::-1]] if op in COMMUTE else [step.inputs]:
            found: Match | None = known
            for part, given in zip(pattern[1:], inputs, strict=True):
                found = None if found is None else self.match(part, given, found)
            if found is not None:
                return found
        return None
