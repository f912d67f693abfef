"""Sweep members, and which of them can share one compiled program.

A member is (seed, values of some config fields). Numbers that are declared OPEN (see
`ae_jax.config.numbers`) and the code size can be arguments of a program. Everything else (a width,
an activation, the batch size) may change its shapes or operations, and splits the members into
groups.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ae_jax import optimizer
from ae_jax.config.numbers import Numbers
from ae_jax.config.sections import Config
from ae_jax.errors import ConfigError
from ae_jax.model import bottleneck, corruption
from ae_jax.model.bottleneck import BOTTLENECKS
from ae_jax.model.compiled import once
from ae_jax.objective import losses, objective, penalties
from ae_jax.resolve.config import Resolved
from ae_jax.train import setup, taking
from ae_jax.train.setup import Trainer, TrainState

CODE_SIZE = "model.code_size"
SLOTS_OPEN: dict[str, Mapping[str, Collection[str]]] = {
    "corruption": corruption.OPEN,
    "bottleneck": bottleneck.OPEN,
    "loss": losses.OPEN,
}


class Member(NamedTuple):
    """One run of a sweep."""

    seed: int
    point: Mapping[str, Any]  # field -> value, of the fields that the sweep varies
    config: Resolved  # the resolved config of the single run, whatever its seed


class Group(NamedTuple):
    """Members that one program serves."""

    rows: tuple[int, ...]  # which of the sweep's members they are
    seeds: tuple[int, ...]
    config: Resolved  # of the member with the widest code
    values: Mapping[str, np.ndarray]  # field -> its values [members], where they differ


def trainer_of(
    group: Group, values: Mapping[str, Any], shape: tuple[int, int, int], n_train: int
) -> Trainer:
    """A member's trainer; in a compiled function its `values`, the code's size too, are arguments.

    It works on the network with the group's widest code.
    """
    trainer = setup.prepare(group.config, shape, n_train, numbers=_numbers(values))
    return masked(trainer, values[CODE_SIZE]) if CODE_SIZE in values else trainer


def _numbers(values: Mapping[str, Any]) -> Numbers:
    return {field: value for field, value in values.items() if field != CODE_SIZE}


def of_size(config: Resolved, size: int) -> Resolved:
    """The config with a code of `size`."""
    return config.replace(**{"model.code_size": size})


def sizes(group: Group) -> list[int]:
    """The code sizes of a group's members."""
    return sorted({*group.values.get(CODE_SIZE, np.array([group.config.model.code_size])).tolist()})


def groups(members: Sequence[Member], largest: int = 0) -> list[Group]:
    """The members, those together that differ in nothing but seed, numbers and code size.

    Of more than `largest`, where it is given, there are several groups.
    """
    programs: dict[Any, list[int]] = {}
    for row, member in enumerate(members):
        programs.setdefault(_program(member), []).append(row)
    return [
        _group(members, rows[i : i + (largest or len(rows))])
        for rows in programs.values()
        for i in range(0, len(rows), largest or len(rows))
    ]


def _program(member: Member) -> Any:
    """What two members must share to be served by one program."""
    fixed = [
        (field, "any" if _is_open(member.config, field, value) else repr(value))
        for field, value in member.point.items()
    ]
    # A random split is another training set for every seed, and so is one with images held out.
    data = member.config.data
    return (*fixed, member.seed if data.split == "random" or data.n_valid else None)


def _is_open(config: Config, field: str, value: object) -> bool:
    """Whether the field can be an argument."""
    if field == CODE_SIZE:
        return maskable(config)
    section, _, name = field.rpartition(".")
    return isinstance(value, float) and name in _open_fields(config, section)


def _open_fields(config: Config, section: str) -> Collection[str]:
    """The fields of a section that are declared open."""
    if section == "optim":
        return (*optimizer.OPEN_TO_ALL, *optimizer.OPEN.get(config.optim.name, ()))
    kind, _, penalty = section.partition(".")
    if kind == "penalties":
        return (*objective.OPEN, *penalties.OPEN.get(penalty, ()))
    declared = SLOTS_OPEN.get(section)
    return declared.get(getattr(config, section).name, ()) if declared else ()


def _group(members: Sequence[Member], rows: Sequence[int]) -> Group:
    mine = [members[row] for row in rows]
    widest = max(mine, key=lambda m: m.config.model.code_size).config
    values = {
        field: [m.point[field] for m in mine]
        for field, value in mine[0].point.items()
        if _is_open(mine[0].config, field, value)
    }
    differing = {
        field: np.asarray(v, np.int32 if field == CODE_SIZE else np.float32)
        for field, v in values.items()
        if len(set(v)) > 1
    }
    return Group(tuple(rows), tuple(m.seed for m in mine), widest, differing)


def chosen(group: Group, rows: Collection[int]) -> Group:
    """The group of those of its members that are among `rows` of the sweep."""
    kept = [i for i, row in enumerate(group.rows) if row in rows]
    values = {field: v[kept] for field, v in group.values.items()}
    mine = tuple(group.rows[i] for i in kept), tuple(group.seeds[i] for i in kept)
    return Group(*mine, group.config, values)


def maskable(config: Config) -> bool:
    """Whether a code cut short by a mask is exactly the code of a smaller network.

    It is where nothing but the decoder and sums over the code's units look at it: 'top_k' would
    choose among the units cut off, `weight_l2` averages over their weights as well, as do some
    optimizers, and free bits are granted to them, too. A decoder with `skip` decides by the code's
    size which layers it adds to.
    """
    charged = {name: options for name, options in config.penalties.items() if options.weight != 0}
    free_bits = any(options.get("free_bits") for options in charged.values())
    options = config.bottleneck.to_dict()
    bottleneck = BOTTLENECKS[options.pop("name")](**options)
    shaped = config.optim.name in optimizer.SHAPED
    alone = not {*charged} - {"l1", "gaussian_kl"} and not free_bits
    return bottleneck.separable and alone and not shaped and not config.decoder.get("skip")


def masked(trainer: Trainer, size: int | jax.Array) -> Trainer:
    """The trainer of a code of which only the first `size` numbers exist; the others are 0.

    h and z are multiplied by [j < size], so the weights of the other units receive no gradient and
    change nothing. Only the noise of a random bottleneck is not the small network's: it is drawn
    for the wide code.
    """
    model = trainer.model._replace(module=trainer.model.module.clone(kept=size))
    return trainer._replace(model=model, objective=trainer.objective._replace(model=model))


def initial_states(
    group: Group,
    shape: tuple[int, int, int],
    n_train: int,
    mean: jax.Array,
    source: taking.Arrays | None = None,
) -> list[TrainState]:
    """The states that the single runs start from, in arrays of NumPy.

    Smaller codes are widened to the group's widest by zeros, so that all have the same shapes.
    `source` are the arrays of the run that `train.init_from` names.

    Raises:
      ConfigError: it names one, and there are none.
    """
    wide = group.config.model.code_size
    if source is None and group.config.train.init_from is not None:
        raise ConfigError("train.init_from: give the states to start from; none are known here")

    @partial(once, static_argnums=0)
    def init(size: int, key: jax.Array, values: Mapping[str, Any], source: Any) -> TrainState:
        like = trainer_of(group, values, shape, n_train).abstract()
        config, numbers = of_size(group.config, size), _numbers(values)
        small = setup.prepare(config, shape, n_train, numbers=numbers)
        state = small.initial(key, mean)
        if source is not None:
            state = taking.begun(small, state, source)
        return jax.tree.map(partial(_widened, size, wide), state, like)

    states = []
    for i, seed in enumerate(group.seeds):
        size = int(group.values[CODE_SIZE][i]) if CODE_SIZE in group.values else wide
        values = {field: jnp.asarray(v[i]) for field, v in group.values.items()}
        made = init(size, jax.random.key(seed), values, source)
        states.append(jax.tree.map(np.asarray, made))
    return states


def _widened(size: int, wide: int, leaf: jax.Array, like: jax.ShapeDtypeStruct) -> jax.Array:
    """An array of a network with a code of `size`, in the shape it has with a code of `wide`.

    An axis that differs holds the code once or, where the encoder delivers several numbers for one
    of the code, several times, and perhaps more behind it (classes).
    """
    for axis, (n, full) in enumerate(zip(leaf.shape, like.shape, strict=True)):
        if n != full:
            codes = (full - n) // (wide - size)
            ends = np.repeat(size * np.arange(1, codes + 1), wide - size)
            leaf = jnp.insert(leaf, ends, 0, axis=axis)
    return leaf
