"""Flags and exit codes shared by the commands: bad input is three lines on stderr, exit 2."""

import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TextIO

import jax
from absl import app, flags, logging

from ae_jax import config as config_lib
from ae_jax.data import cache_folder
from ae_jax.errors import AeJaxError, ConfigError
from ae_jax.schema import Text, unknown

flags.DEFINE_bool("debug", False, "Show the traceback of an error.")
CONFIG_HELP = (
    "Config file, or the name of one in configs/; after a colon the variants, separated by commas: "
    "configs/conv_strided.py:batchnorm. Any field is set by --config.<section>.<field>=<value>."
)


def split_overrides(argv: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """argv -> (argv without them, {'train.epochs': '3'}) for every --config.a.b=value."""
    rest, overrides = [], {}
    arguments = iter(argv)
    for argument in arguments:
        if not argument.startswith(("--config.", "-config.")):
            rest.append(argument)
            continue
        path, equals, value = argument.lstrip("-").removeprefix("config.").partition("=")
        if not equals:
            value = next(arguments, "")
            if value.startswith("--") or not value:
                raise ConfigError(f"--config.{path}: has no value; write --config.{path}=<value>")
        overrides[path] = Text(value)
    return rest, overrides


def load(path: str, overrides: dict[str, Any]) -> Any:
    """The resolved config of a command line."""
    return config_lib.resolve(config_lib.merge(config_lib.read(path), config_lib.nested(overrides)))


def chosen(known: Iterable[str], what: str) -> list[str]:
    """The names that --only gives, all of `known` where it gives none; ConfigError for others."""
    known = list(known)
    names = flags.FLAGS.only or known
    for name in names:
        if name not in known:
            raise ConfigError(unknown("--only", name, known, what))
    return names


def run(
    main: Callable[[list[str], dict[str, Any]], int | None],
    configurable: bool = False,
    positional: bool = False,
) -> None:
    """Runs `main(positional arguments, config overrides)` and exits with what it returns.

    An `AeJaxError` ends with its message and its exit code, a wrong flag with exit 2, Ctrl-C with
    130. Only a `configurable` command takes --config.FIELD=VALUE, only a `positional` one words.
    """
    overrides: dict[str, Any] = {}

    def parse(argv: list[str]) -> list[str]:
        try:
            rest, found = split_overrides(argv)
            if found and not configurable:
                fail(f"--config.{next(iter(found))}: this command takes no config; see --help", 2)
            overrides.update(found)
            rest = flags.FLAGS(rest)
            if rest[1:] and not positional:
                fail(f"{rest[1]}: this command takes flags only; see --help", 2)
            return rest
        except flags.Error as error:
            missing = re.match(r"flag --(\w+)=None: .*must have a value", str(error))
            what = f"--{missing[1]}: has to be given" if missing else str(error)
            fail(what + "\nsee --help", 2)
        except AeJaxError as error:
            fail(str(error), error.exit_code)
        except SystemExit as asked:  # --help, which is not a failure
            sys.exit(0 if {"--help", "-h", "--helpfull"} & set(argv) else asked.code)
        return []

    def guarded(argv: list[str]) -> int | None:
        try:
            return main(argv[1:], overrides)
        except AeJaxError as error:
            if flags.FLAGS.debug:
                raise
            fail(str(error), error.exit_code)
        except KeyboardInterrupt:
            fail("interrupted", 130)
        return None

    logging.set_verbosity(logging.WARNING)  # jax tells at INFO which backends it did not find
    keep_compiled_programs()
    app.run(guarded, flags_parser=parse)


def keep_compiled_programs() -> None:
    """Lets a second start of the same program skip its compilation."""
    folder = cache_folder() / "programs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # a cache that cannot be written is no reason to stop
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def fail(message: str, code: int) -> None:
    """At most three lines on stderr, then exit."""
    lines = message.strip().splitlines()[:3]
    print(wrapped("\n".join(["error: " + lines[0], *lines[1:]]), sys.stderr), file=sys.stderr)
    sys.exit(code)


def wrapped(text: str, stream: TextIO) -> str:
    """`text` broken between words where a terminal would break inside one; whole for a file."""
    if not stream.isatty():
        return text
    wrap = textwrap.TextWrapper(
        width=shutil.get_terminal_size().columns,
        subsequent_indent="  ",
        break_long_words=False,  # a path stays whole, to be copied
        break_on_hyphens=False,
    )
    return "\n".join(wrap.fill(line) for line in text.splitlines())
