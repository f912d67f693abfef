"""What a session begins with where that is not random: `train.init_from` and `train.frozen`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax

from ae_jax.config.sections import Config
from ae_jax.errors import AeJaxError
from ae_jax.run import sources
from ae_jax.train import checkpoint, frozen, setup

from .prepared import Session


def known(path: Path, config: Config) -> dict[str, Any] | None:
    """What the newest checkpoint of a run says that began, or may have begun, with other weights.

    None: there is none, and the run is to begin.
    """
    found = checkpoint.meta(path)
    if found is not None and config.train.init_from is not None:
        _warn_of_change(config.train.init_from, found)
    return found


def _warn_of_change(place: str, found: dict[str, Any]) -> None:
    """A resumed run goes on with its own weights, whatever has become of those it began with."""
    try:
        now = sources.read(place).sha256
    except AeJaxError:
        return  # they are gone, and are not needed any more
    if now != (then := found.get("init_sha256")):
        print(
            f"warning: {sources.FIELD}: {place} has other weights now ({now[:12]}) than this run "
            f"began with ({str(then)[:12]}); it goes on with its own",
            file=sys.stderr,
        )


def lines(s: Session, state: setup.TrainState) -> Iterator[str]:
    """What is taken from elsewhere, and what stays as it is."""
    if s.source is not None:
        yield from sources.lines(s.source, s.trainer)
    if s.trainer.frozen:
        of = zip(frozen.names({"params": state.params}), jax.tree.leaves(state.params), strict=True)
        sizes = {name: leaf.size for name, leaf in of}
        fixed = [n for name, n in sizes.items() if name in s.trainer.frozen]
        yield (
            f"frozen: {len(fixed)} of {len(sizes)} arrays, {sum(fixed):,} of "
            f"{sum(sizes.values()):,} parameters"
        )
