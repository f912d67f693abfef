"""Lists the configs, or shows every field of one and where its value is from.

    python -m experiments.console config list
    python -m experiments.console config show denoise:published --config.train.epochs=3

A source is the config's file, one of its variants (after a colon), the command line, or the default
of the field.
"""

from typing import Any

from ae_jax.config.schema import unknown
from ae_jax.errors import ConfigError

from .. import cli
from ..pages.table import terminal


def main(argv: list[str], overrides: dict[str, Any]) -> int:
    """The command; returns its exit code."""
    match argv:
        case ["list"] if not overrides:
            from ae_jax.resolve import files

            print(terminal([[name, text] for name, text in files.summaries().items()]))
        case ["show", name]:
            from ae_jax.resolve.explained import explained

            print(terminal([[f, repr(v), why] for f, v, why in explained(name, overrides)]))
        case [] | ["show" | "list", *_]:
            raise ConfigError("config: say either `list`, or `show` and the name of one config")
        case _:
            raise ConfigError(unknown("config", " ".join(argv), ["list", "show"], "action"))
    return 0


if __name__ == "__main__":
    cli.run(main, configurable=True, positional=True)
