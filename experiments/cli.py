"""Flags and exit codes of the commands. Bad input: three lines on stderr at most, exit code 2.

JAX is not imported here, so that a command may answer --help at once.
"""

import contextlib
import os
import re
import shutil
import signal
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from absl import app, flags, logging

from ae_jax.config.schema import Text, unknown
from ae_jax.errors import AeJaxError, CheckpointError, ConfigError

flags.DEFINE_bool("debug", False, "Show the traceback of an error.")
CONFIG_HELP = (
    "Config file, or the name of one in configs/; after a colon the variants, separated by commas: "
    "configs/conv_strided.py:batchnorm. Any field is set by --config.<section>.<field>=<value>."
)
PREALLOCATE = "XLA_PYTHON_CLIENT_PREALLOCATE"  # JAX reads it when it first looks for devices

flags.disclaim_key_flags()  # flags are those of the command that defines them: --help shows them


def command(name: str) -> str:
    """How a user runs a command: with `python -m` in a checkout, as one of ae-jax elsewhere."""
    return f"python -m experiments.{name}" if __package__ == "experiments" else f"ae-jax {name}"


def spelled(text: str) -> str:
    """A docstring, which has the commands of a checkout, as a user here would write them."""
    if __package__ == "experiments":
        return text
    text = re.sub(r"python -m experiments\.console ", "ae-jax ", text)
    text = re.sub(r"python -m experiments\.(\w+)", lambda found: command(found[1]), text)
    return re.sub(r"configs/(\w+)\.py", r"\1", text)


class _Path(flags.ArgumentParser[str]):
    """A path, ~ being the home directory in every shell's spelling (--workdir=~/x)."""

    def parse(self, argument: str) -> str:
        return expanded(argument)


class _YesOrNo(flags.BooleanParser):
    """Whatever absl takes for true and false, and yes and no."""

    def parse(self, argument: Any) -> bool:
        return bool(super().parse({"yes": "true", "no": "false"}.get(argument, argument)))


def define_path(name: str, default: str | None, text: str) -> None:
    """A flag that is a path."""
    flags.DEFINE(_Path(), name, default, text)


def define_yes_or_no(name: str, default: bool, text: str) -> None:
    """A flag that is --NAME, --noNAME, --NAME=yes or --NAME=no."""
    flags.DEFINE_flag(flags.Flag(_YesOrNo(), None, name, default, text, boolean=True))


def define_data() -> None:
    """--data, which `place` understands."""
    define_path(
        "data",
        None,
        "New location of the data: an .npz file, a folder of images if the data are one, else the "
        "folder for data.manual_dir.",
    )


def expanded(path: str) -> str:
    """`path` with the home directory for its ~; ConfigError where there is no such home."""
    found = os.path.expanduser(path)
    if found.startswith("~"):
        raise ConfigError(f"{path}: nobody here has the home directory {found.split('/')[0]}")
    return found


def flag_lines(argv: Sequence[str]) -> list[str]:
    """argv with the lines of a --flagfile where it stood, those of config fields, too."""
    try:
        return [argv[0], *flags.FLAGS.read_flags_from_files(argv[1:])]
    except flags.IllegalFlagValueError:
        raise ConfigError("--flagfile: has no value; write --flagfile=<file>") from None
    except (flags.Error, UnicodeDecodeError) as error:
        text = "it is not text" if isinstance(error, UnicodeDecodeError) else str(error)
        raise ConfigError(f"--flagfile: {text.removeprefix('ERROR:: ')}") from None


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
    from ae_jax.resolve import config as config_lib

    return config_lib.resolve(config_lib.merge(config_lib.read(path), config_lib.nested(overrides)))


def chosen(known: Iterable[str], what: str, renamed: Mapping[str, str] | None = None) -> list[str]:
    """The names that --only gives, all of `known` where it gives none; ConfigError for others.

    `renamed`, old name -> new name: an old one is taken for the new, with a warning on stderr.
    """
    known, renamed = list(known), renamed or {}
    names = list(flags.FLAGS.only or known)
    for i, name in enumerate(names):
        if name in renamed:
            names[i] = renamed[name]
            print(f"warning: --only: {name} is now named {names[i]}", file=sys.stderr)
        elif name not in known:
            raise ConfigError(unknown("--only", name, known, what))
    return names


def run(
    main: Callable[[list[str], dict[str, Any]], int | None],
    configurable: bool = False,
    positional: bool = False,
) -> None:
    """Runs `main(positional arguments, config overrides)` and exits with what it returns.

    An `AeJaxError` ends with its message and its exit code, a wrong flag with exit 2, Ctrl-C with
    130, output that nobody reads any more (`| head`) with 141 and without a word. Only a
    `configurable` command takes --config.FIELD=VALUE, only a `positional` one words.
    """
    overrides: dict[str, Any] = {}

    def parse(argv: list[str]) -> list[str]:
        try:
            rest, found = split_overrides(flag_lines(argv))
            if found and not configurable:
                fail(f"--config.{next(iter(found))}: this command takes no config; see --help", 2)
            overrides.update(found)
            rest = flags.FLAGS(rest)
            if rest[1:] and not positional:
                fail(f"{rest[1]}: this command takes flags only; see --help", 2)
            return rest
        except flags.Error as error:
            missing = re.match(r"flag --(\w+)=None: .*must have a value", str(error))
            what = f"--{missing[1]}: is required" if missing else str(error)
            fail(what + "\nsee --help", 2)
        except AeJaxError as error:
            fail(str(error), error.exit_code)
        except SystemExit as asked:  # --help, which is not a failure
            sys.exit(0 if {"--help", "-h", "--helpfull"} & set(argv) else asked.code)
        return []

    def guarded(argv: list[str]) -> int | None:
        keep_compiled_programs()
        try:
            return main(argv[1:], overrides)
        except AeJaxError as error:
            if flags.FLAGS.debug:
                raise
            fail(str(error), error.exit_code)
        except KeyboardInterrupt:
            fail("interrupted", 130)
        return None

    program = sys.modules["__main__"]  # absl shows its docstring where --help is asked for
    program.__doc__ = spelled(program.__doc__ or "")
    logging.set_verbosity(logging.WARNING)  # jax tells at INFO which backends it did not find
    os.environ["MPLBACKEND"] = "agg"  # a notebook's kernel passes on one that may not exist here
    os.environ.setdefault(PREALLOCATE, "false")  # a GPU may be shared; what the user set stays
    with _reader_may_leave():
        app.run(guarded, flags_parser=parse)


@contextlib.contextmanager
def _reader_may_leave() -> Iterator[None]:
    """Ends as SIGPIPE would end the command where nobody reads its output any more."""
    code = 128 + signal.SIGPIPE
    try:
        yield
    except BrokenPipeError:
        pass
    except SystemExit as ended:
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            code = int(ended.code or code)
        else:
            raise
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # of the last flush, at exit
    sys.exit(code)


def check_writable(*files: str | None) -> None:
    """ConfigError where one of the files that are given cannot be written: before hours of work."""
    for folder in (Path(file).parent for file in files if file):
        if not os.access(folder, os.W_OK):
            raise ConfigError(f"{folder}: no file can be written there; is it a folder of yours?")


@contextlib.contextmanager
def writing(flag: str) -> Iterator[None]:
    """Whatever cannot be written inside is the fault of what `flag` names: a full disk, ...

    Raises:
      CheckpointError: instead of an OSError, but for a pipe that nobody reads.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        why = error.strerror or error
        raise CheckpointError(f"{flag}: cannot write{where}: {why}") from error


def keep_compiled_programs() -> None:
    """Lets a second start of the same program skip its compilation."""
    import jax  # not before a wrong flag is answered: it takes a second

    from ae_jax.data.prepared import cache_folder

    folder = cache_folder() / "programs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # a cache that cannot be written is no reason to stop
    jax.config.update("jax_compilation_cache_dir", str(folder))
    # Small ones, too: there are twenty before the first step, and to read one takes a tenth.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def gpu_memory(backend: str, environ: Mapping[str, str]) -> str:
    """How a command takes the memory of a GPU, and how to have it otherwise; '' without a GPU."""
    if backend != "gpu":
        return ""
    if (environ.get(PREALLOCATE) or "true") in ("0", "false", "False"):  # as jaxlib reads it
        return f"GPU memory is taken as it is needed; {PREALLOCATE}=true takes most at the start"
    return f"GPU memory is mostly taken at the start; {PREALLOCATE}=false takes it as needed"


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
