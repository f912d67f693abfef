"""A loss, penalty, corruption or network of the user's own, as a choice of its slot.

A saved run knows it by its name alone, for nothing in a work directory is executed: whoever opens
the run registers the same function under the same name before.
"""

import inspect
import keyword
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from flax import linen as nn

from ae_jax.config import sections
from ae_jax.config.schema import check, fields, unknown
from ae_jax.errors import ConfigError
from ae_jax.model.bottleneck import BOTTLENECKS
from ae_jax.model.bottleneck.base import Bottleneck
from ae_jax.model.corruption import CORRUPTIONS
from ae_jax.model.networks import DECODERS, ENCODERS
from ae_jax.model.networks.base import Network
from ae_jax.objective.losses import LOSSES
from ae_jax.objective.penalties import PENALTIES


class _Kind(NamedTuple):
    """What a slot's choices are, and how they are called."""

    table: dict[str, Any]
    given: tuple[str, ...]  # to the call, by position
    named: tuple[str, ...] = ()  # by name, to the function, or to the class where it is made
    may: tuple[str, ...] = ()  # so as well, where a choice has such a parameter
    function: bool = True
    base: type | None = None  # of a class; None: it must be a function
    options: tuple[str, ...] = ()  # that others ask for
    taken: tuple[str, ...] = ()  # fields that the slot itself has


_KINDS = {
    "corruption": _Kind(CORRUPTIONS, ("key", "x"), ("bounds",), ("layout",)),
    "encoder": _Kind(
        ENCODERS, ("x", "train"), ("width", "init_name"), (), False, Network, ("code_activation",)
    ),
    "bottleneck": _Kind(BOTTLENECKS, ("h", "key", "train"), (), (), False, Bottleneck),
    "decoder": _Kind(
        DECODERS, ("z", "encoder", "train"), ("shape", "init_name"), (), False, Network, ("output",)
    ),
    "loss": _Kind(LOSSES, ("p",), (), ("layout",), taken=tuple(fields(sections.Loss))),
    "penalty": _Kind(
        PENALTIES,
        ("p", "model", "variables", "key"),
        may=("cost",),
        base=nn.Module,
        taken=tuple(fields(sections.Penalty)),
    ),
}
_own: set[tuple[str, str]] = set()  # (slot, name) of what was registered here


def register(slot: str, name: str, choice: Callable[..., Any]) -> None:
    """Makes `choice` what `name` stands for in a slot, from now on and in this process.

    Its parameters (of a class, its fields) that have a default become fields of the config; their
    annotations are the rules of their values: int, float, bool, str, or one of
    `ae_jax.config.schema`. A name may be registered again, as a notebook's cell does when it is run
    again. A run that is saved keeps the name: before `restore`, register the same function again.
    A config file may do it as well; it is executed by the commands that are given it.

    Args:
      slot: 'corruption', f(key, x, bounds, ...) -> x~; 'loss', f(p, ...) -> a cost for each number;
        'penalty', f(p, model, variables, key, ...) -> [batch], or a Linen module with such a call;
        'encoder', 'decoder' or 'bottleneck', a class. The docstrings of `ae_jax.model.corruption`,
        `.networks`, `.bottleneck` and of `ae_jax.objective.losses` and `.penalties` say more.
      name: for configs and command lines, a word such as 'roughness'.
      choice: a function or class.

    Raises:
      ConfigError: an unknown slot; a name that is no word, or the package's own; a choice that
        cannot be called as the slot calls it, or whose options a config could not check or keep.
    """
    if not isinstance(slot, str) or slot not in _KINDS:
        raise ConfigError(unknown("register", str(slot), _KINDS, "slot"))
    kind, where = _KINDS[slot], f"register: {slot} {name!r}"
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise ConfigError(f"{where}: the name must be a word, as Python's names are")
    if name in kind.table and (slot, name) not in _own:
        raise ConfigError(
            f"{where}: is the package's own, and saved runs mean that one; take another name"
        )
    _check_call(where, kind, choice)
    _check_options(where, kind, choice)
    kind.table[name] = choice
    _own.add((slot, name))


def registered(config: sections.Config) -> list[str]:
    """ "penalty 'roughness'", ...: the choices of a config that other processes do not know."""
    used = {("penalty", name) for name in config.penalties.to_dict()}
    used |= {(slot, getattr(config, slot).name) for slot in _KINDS if slot != "penalty"}
    return [f"{slot} '{name}'" for slot, name in sorted(used & _own)]


def _check_call(where: str, kind: _Kind, choice: Any) -> None:
    """Refuses what cannot be made and called as the slot does it."""
    is_class = isinstance(choice, type)
    if is_class:
        fits = kind.base is not None and issubclass(choice, kind.base)
    else:
        fits = kind.function and callable(choice)
    if not fits:
        classes = (
            [f"a subclass of {kind.base.__module__}.{kind.base.__name__}"] if kind.base else []
        )
        what = " or ".join(["a function"] * kind.function + classes)
        raise ConfigError(f"{where}: must be {what}, not {choice!r}")
    try:
        hash(choice)
        made = inspect.signature(choice).parameters
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: its parameters cannot be found; {error}") from None
    named = (*kind.named, *(n for n in kind.may if n in made))
    if not is_class:
        return _check_bound(where, choice, kind.given, named)
    _check_bound(where, choice, (), named)
    call = next((vars(c)["__call__"] for c in choice.__mro__ if "__call__" in vars(c)), None)
    if call is None:
        raise ConfigError(f"{where}: needs __call__(self, {', '.join(kind.given)})")
    _check_bound(where, call, ("self", *kind.given), ())


def _check_bound(
    where: str, called: Callable[..., Any], given: tuple[str, ...], named: tuple[str, ...]
) -> None:
    """Refuses a signature that does not take what is given, or has a default for it."""
    signature = inspect.signature(called)
    try:
        signature.bind(*given, **dict.fromkeys(named))
    except TypeError as error:
        listed = ", ".join([*given, *(f"{n}=..." for n in named)])
        raise ConfigError(f"{where}: is given ({listed}) and its options; {error}") from None
    for name in [*list(signature.parameters)[: len(given)], *named]:
        parameter = signature.parameters.get(name)
        if parameter and parameter.default is not inspect.Parameter.empty:
            raise ConfigError(f"{where}: '{name}' is always given; leave out its default")


def _check_options(where: str, kind: _Kind, choice: Callable[..., Any]) -> None:
    """Refuses options that a config could not check, or not keep as JSON."""
    found = fields(choice)
    for option in kind.options:
        if option not in found:
            raise ConfigError(f"{where}: needs the option '{option}', which others ask for")
    for option, field in found.items():
        if option in ("name", *kind.taken):
            raise ConfigError(
                f"{where}: '{option}' is a field of the slot itself; rename the option"
            )
        bare = field.annotation
        bare = get_args(bare)[0] if get_origin(bare) is Annotated else bare
        try:
            if bare is Any:
                raise TypeError
            check(f"{where}: {option}", field.default, field.annotation)
        except (KeyError, TypeError):
            raise ConfigError(
                f"{where}: '{option}' needs an annotation, by which values are checked and kept:\n"
                f"int, float, bool, str, or one of ae_jax.config.schema ({option}: Positive = 0.5)"
            ) from None
