"""Numbers that a sweep varies: arguments of its compiled program, not part of the config.

A config holds plain data, and a program reads its constants from it. Functions that build from a
config also take `numbers`, a map from dotted fields of the config to the values that replace them.
In a sweep these values differ between the members and are arguments of the compiled function. Only
fields that are declared OPEN next to the code that uses them may be in `numbers`. That code must
not branch on their values; all other code may.
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
