"""The rooms of the packages: how many, on how many floors, and that no two need each other.

A room is a sub-package, or a module directly in the package; an import inside a function
or for types alone counts like any other. Which room may import which stands in pyproject.toml.
"""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
MOST_ROOMS, MOST_FLOORS = 24, 8


def imported(file):
    """Dotted names of all that a file imports; of `from a import b` both `a` and `a.b`."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:  # of a package that has another name where it is installed
                base = ".".join([*above(file)[: -(node.level - 1) or None], *filter(None, [base])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def above(file):
    """The package that a file is in, as the words of its dotted name."""
    words = []
    for folder in file.parents:
        if not (folder / "__init__.py").is_file():
            return words
        words.insert(0, folder.name)


def rooms(top, package):
    """Room -> the rooms that it imports."""
    found = {}
    folder = top / package
    for file in folder.rglob("*.py"):
        name = file.relative_to(folder).with_suffix("").parts[0]
        if name not in ("__init__", "notebooks"):
            found.setdefault(name, set()).update(
                parts[1] for parts in (n.split(".") for n in imported(file))
                if parts[0] == package and len(parts) > 1
            )  # fmt: skip
    return {name: (others & found.keys()) - {name} for name, others in found.items()}


def floors(graph):
    """Room -> its floor, 1 for what imports no other; raises CycleError."""
    floor = {}
    for room in TopologicalSorter(graph).static_order():
        floor[room] = 1 + max((floor[other] for other in graph[room]), default=0)
    return floor


@pytest.mark.parametrize("package", ["ae_jax", "experiments"])
def test_there_are_few_rooms_on_few_floors(package):
    floor = floors(rooms(TOP, package))
    assert len(floor) <= MOST_ROOMS
    assert max(floor.values()) <= MOST_FLOORS


def test_the_core_does_not_know_the_shell():
    files = (TOP / "ae_jax").rglob("*.py")
    assert not [f for f in files for name in imported(f) if name.split(".")[0] == "experiments"]


def froms(package):
    """(file, node) of every `from ... import` of a package."""
    for file in (TOP / package).rglob("*.py"):
        if "notebooks" not in file.parts:
            yield from ((file, n) for n in ast.walk(ast.parse(file.read_text()))
                        if isinstance(n, ast.ImportFrom))  # fmt: skip


def test_imports_of_the_shell_hold_where_it_has_another_name():
    """`experiments` in a checkout, `ae_jax.experiments` in a wheel: its imports do not say it."""
    absolute = [f for f, node in froms("experiments") if (node.module or "").startswith("experim")]
    assert not absolute
    assert not [f for f, node in froms("ae_jax") if node.level]  # these say the whole name


def test_floors_are_counted_and_cycles_found(tmp_path):
    files = {
        "a/__init__.py": "",
        "a/errors.py": "",
        "a/low/__init__.py": "",
        "a/low/x.py": "from a.errors import AeError",
        "a/high.py": "def f():\n    from a.low import x",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert floors(rooms(tmp_path, "a")) == {"errors": 1, "low": 2, "high": 3}
    (tmp_path / "a/errors.py").write_text("if TYPE_CHECKING:\n    import a.high")
    with pytest.raises(CycleError):
        floors(rooms(tmp_path, "a"))
