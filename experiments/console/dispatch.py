"""Finds the command that the first word names, and runs it with the other words."""

import ast
import importlib.util
import runpy
import sys
from pathlib import Path

from ae_jax import __version__
from ae_jax.config.schema import unknown

from .. import cli

# Word -> module. The others, which measure the project itself, belong to a checkout.
COMMANDS = {
    "run": "run",
    "analyse": "analyse",
    "report": "report",
    "sweep": "sweep",
    "export": "export",
    "playground": "playground",
    "config": "console.configs",
    "info": "console.info",
}
PACKAGE = __package__.rpartition(".")[0]


def main() -> None:
    """`ae-jax COMMAND [--FLAG=VALUE ...]`; exits as the command does, 2 where there is none."""
    program, *words = sys.argv
    name = words[0] if words else "--help"
    if name in ("--help", "-h", "help", "--helpfull"):
        print(usage())
    elif name in ("--version", "version"):
        print(f"ae_jax {__version__}")
    elif name not in COMMANDS:
        cli.fail(unknown("ae-jax", name, COMMANDS, "command"), 2)
    else:
        sys.argv = [f"{program} {name}", *words[1:]]
        runpy.run_module(f"{PACKAGE}.{COMMANDS[name]}", run_name="__main__", alter_sys=True)


def usage() -> str:
    """Every command with the first sentence that its module says of itself."""
    width = max(map(len, COMMANDS))
    spelled = "ae-jax" if PACKAGE.startswith("ae_jax") else f"python -m {__package__}"
    lines = [f"  {name:{width}}  {_first_line(module)}" for name, module in COMMANDS.items()]
    return "\n".join(
        [
            "ae_jax: autoencoders in JAX. Every variant is a config.",
            "",
            f"usage: {spelled} COMMAND [--FLAG=VALUE ...]",
            "",
            *lines,
            "",
            f"`{spelled} COMMAND --help` lists the flags of a command.",
        ]
    )


def _first_line(module: str) -> str:
    """Of the docstring of a module, which is not executed: that takes seconds."""
    found = importlib.util.find_spec(f"{PACKAGE}.{module}")
    text = Path(str(found and found.origin)).read_text()
    return str(ast.get_docstring(ast.parse(text))).splitlines()[0]
