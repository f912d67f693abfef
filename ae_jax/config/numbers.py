"""Numbers that a sweep leaves open: arguments of its compiled program, beside a config.

A config holds plain data, and constants of a program are read from it. What is built from a config
takes besides `numbers`, dotted fields of the config and what takes their place: of a sweep's
members these differ, and they are arguments of the function that is compiled. Only fields that are
declared OPEN beside the code that uses them may be among them; that code must not look at their
value, all other code may.
"""

from collections.abc import Mapping
from types import MappingProxyType

import jax

Number = float | jax.Array
Numbers = Mapping[str, Number]

NONE: Numbers = MappingProxyType({})


def of(numbers: Numbers, section: str) -> dict[str, Number]:
    """{field: number} of the fields right in `section`, such as 'optim' or 'penalties.l1'."""
    split = {field: field.rpartition(".") for field in numbers}
    return {name: numbers[field] for field, (head, _, name) in split.items() if head == section}
