"""Tasks that take seconds each; a terminal shows which one is running."""

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tqdm import tqdm


def done(what: str, tasks: Mapping[str, Callable[[], Any]]) -> Iterator[tuple[str, Any]]:
    """(name, result) of every task; the bar on stderr calls them `what`."""
    with tqdm(
        total=len(tasks),
        disable=not sys.stderr.isatty(),
        dynamic_ncols=True,
        leave=False,
        bar_format="{desc}{bar}| {n_fmt}/{total_fmt} [{elapsed}]",
    ) as bar:
        for name, task in tasks.items():
            bar.set_description_str(f"{what}: {name} ")
            yield name, task()
            bar.update()
