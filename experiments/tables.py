"""The tables of README.md and of experiments/results/README.md, from the files of measurements.

    python -m experiments.tables
    python -m experiments.tables --check

What stands between `<!-- NAME -->` and `<!-- /NAME -->` is replaced by what the file of that table
says. `--check` writes nothing. Exit codes: 0 done, 2 no such file, or with `--check` a table that
its file does not say.
"""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from absl import flags

from ae_jax.errors import DataError
from experiments import applications, bench_report, cli, reproduce

RESULTS = Path("experiments/results")
PAGES = (Path("README.md"), RESULTS / "README.md")


def table(lines: Sequence[Sequence[str]]) -> str:
    """Markdown of a table, its head first; columns of numbers are right-aligned."""
    head, *rest = lines
    rule = ["---:" if all(_short(line[i]) for line in rest) else "---" for i in range(len(head))]
    rule[0] = "---"
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rest))


def _short(cell: str) -> bool:
    return cell == "-" or bool(re.match(r"[\d(]", cell))


def provenance(result: dict[str, Any]) -> str:
    """When, where and with what a file was measured."""
    machine, versions = result["machine"], result["versions"]
    return (
        f"{result['date']}, {machine['cpu']}, {machine['cores']} cores, "
        f"Python {versions['python']}, jax {versions['jax']}."
    )


def published(result: dict[str, Any]) -> str:
    """Printed numbers beside ours."""
    return "\n\n".join([table(reproduce.cells(result["rows"])), provenance(result)])


def better(result: dict[str, Any]) -> str:
    """What the changed configs change."""
    return table(reproduce.better_cells(result["rows"]))


def uses(result: dict[str, Any]) -> str:
    """The applications that have a bar."""
    return table(applications.bar_cells(result))


def uses_in_full(result: dict[str, Any]) -> str:
    """Every application."""
    return table(applications.cells(result))


def speed(result: dict[str, Any]) -> str:
    """The training steps alone."""
    head, *rows = bench_report.tables(result)[0]
    keep = [i for i, name in enumerate(head) if name not in ("compile s", "memory MiB")]
    lines = [[line[i] for i in keep] for line in (head, *rows)]
    return "\n\n".join([table(lines), bench_report.summary(result)])


def reliability(result: dict[str, Any]) -> str:
    """What was tried, and what failed."""
    numbers = sorted((k for k in result if re.fullmatch(r"R\d+", k)), key=lambda k: int(k[1:]))
    rows = [
        (k, result[k]["what"], f"{result[k]['tried']:,}", str(result[k]["failed"])) for k in numbers
    ]
    lines = [("", "what is tried", "tried", "failed"), *rows]
    return "\n\n".join([table(lines), provenance(result)])


TABLES: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    "published": ("reproduce.json", published),
    "better": ("reproduce.json", better),
    "applications": ("applications.json", uses),
    "applications in full": ("applications.json", uses_in_full),
    "speed": ("bench.json", speed),
    "speed in full": ("bench.json", bench_report.markdown),
    "an hour later": ("bench_later.json", bench_report.markdown),
    "reliability": ("reliability.json", reliability),
}


def filled(text: str, results: Path = RESULTS) -> str:
    """A page with the tables its files say. DataError where a file is missing or the name is."""

    def replacement(found: re.Match[str]) -> str:
        name = found[1]
        if name not in TABLES:
            raise DataError(f"<!-- {name} -->: no such table; there are {', '.join(TABLES)}")
        file, write = TABLES[name]
        if not (results / file).is_file():
            raise DataError(f"{results / file}: not there, table {name!r} comes from it")
        content = write(json.loads((results / file).read_text()))
        return f"<!-- {name} -->\n{content}\n<!-- /{name} -->"

    return re.sub(r"<!-- ([\w ]+) -->\n.*?<!-- /\1 -->", replacement, text, flags=re.DOTALL)


def define_flags() -> None:
    """Not on import: other commands have flags of the same names."""
    flags.DEFINE_bool("check", False, "Only say whether the pages are what the files say.")


def main(argv: list[str], overrides: dict[str, Any]) -> int:
    """The command; returns its exit code."""
    for page in PAGES:
        old = page.read_text()
        new = filled(old)
        if new != old and flags.FLAGS.check:
            raise DataError(f"{page}: not what the files say; python -m experiments.tables")
        page.write_text(new)
        print(page)
    return 0


if __name__ == "__main__":
    define_flags()
    cli.run(main)
