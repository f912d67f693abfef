"""The members of a sweep, and which of them one compiled program can serve.

A member is (seed, values of some config fields). Numbers that differ between members, and the size
of the code, can be arguments of a program; what changes its shapes or its operations (a width, an
activation, the batch size) cannot, and splits the members into groups.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ae_jax.config.sections import Config, parts_of
from ae_jax.model.bottleneck import WIDTHS
from ae_jax.resolve import config as config_lib
from ae_jax.train import setup
from ae_jax.train.setup import Trainer, TrainState

CODE_SIZE = "model.code_size"
# 1 - b2 is made of digits that float32 does not keep: as an argument it would not be the same.
CONSTANTS = ("optim.b2",)


class Member(NamedTuple):
    """One run of a sweep."""

    seed: int
    point: Mapping[str, Any]  # field -> value, of the fields that the sweep varies
    config: Config  # the resolved config of the single run, whatever its seed


class Group(NamedTuple):
    """Members that one program serves."""

    rows: tuple[int, ...]  # which of the sweep's members they are
    seeds: tuple[int, ...]
    config: Config  # of the member with the widest code
    values: Mapping[str, np.ndarray]  # field -> its values [members], where they differ


def trainer_of(
    group: Group, values: Mapping[str, Any], shape: tuple[int, int, int], n_train: int
) -> Trainer:
    """A member's trainer; in a compiled function its `values`, the code's size too, are arguments.

    It works on the network with the group's widest code.
    """
    numbers = {field: value for field, value in values.items() if field != CODE_SIZE}
    trainer = own_trainer(group, numbers, shape, n_train)
    return masked(trainer, values[CODE_SIZE]) if CODE_SIZE in values else trainer


def own_trainer(
    group: Group, values: Mapping[str, Any], shape: tuple[int, int, int], n_train: int
) -> Trainer:
    """The group's config with these `values`, made ready; a code size here is a plain number."""
    raw = config_lib.merge(group.config.to_dict(), config_lib.nested(values))
    return setup.prepare(Config(**parts_of(raw)), shape, n_train)


def groups(members: Sequence[Member]) -> list[Group]:
    """The members, those together that differ in nothing but seed, numbers and code size."""
    programs: dict[Any, list[int]] = {}
    for row, member in enumerate(members):
        programs.setdefault(_program(member), []).append(row)
    return [_group(members, rows) for rows in programs.values()]


def _program(member: Member) -> Any:
    """What two members must share to be served by one program."""
    fixed = [
        (field, "any" if _is_open(member.config, field, value) else repr(value))
        for field, value in member.point.items()
    ]
    # A random split is another training set for every seed.
    return (*fixed, member.seed if member.config.data.split == "random" else None)


def _is_open(config: Config, field: str, value: Any) -> bool:
    """Whether the field can be an argument."""
    if field == CODE_SIZE:
        return maskable(config)
    return isinstance(value, float) and field not in CONSTANTS


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


def maskable(config: Config) -> bool:
    """Whether a code cut short by a mask is exactly the code of a smaller network.

    It is where nothing but the decoder and sums over the code's units look at it: 'top_k' would
    choose among the units cut off, and `weight_l2` averages over their weights as well.
    """
    penalties = {name for name, options in config.penalties.items() if options.weight != 0}
    bottleneck = config.bottleneck
    raw = bottleneck.get("deviation") == "raw"
    return bottleneck.name in ("identity", "dropout", "gaussian") and not (
        raw or penalties - {"l1", "gaussian_kl"}
    )


def masked(trainer: Trainer, size: Any) -> Trainer:
    """The trainer of a code of which only the first `size` numbers exist; the others are 0.

    z and what penalties see of h are multiplied by [j < size], so the weights of the other units
    receive no gradient and change nothing. Only the noise of a random bottleneck is not the small
    network's: it is drawn for the wide code.
    """
    module, config = trainer.model.module, trainer.config
    keep = (jnp.arange(config.model.code_size) < size)[None, :].astype(jnp.float32)
    keep_h = jnp.tile(keep, (1, WIDTHS.get(config.bottleneck.name, 1)))
    bottleneck: Any = module.bottleneck

    def code(key: Any, h: jax.Array, train: bool, **options: Any) -> jax.Array:
        return keep * bottleneck.func(key, h, train, **options)

    def seen(function: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
        return lambda p, *rest: function(p._replace(h=keep_h * p.h), *rest)

    module = module.clone(bottleneck=partial(code, **bottleneck.keywords))
    model = trainer.model._replace(module=module)
    penalties = {
        name: penalty._replace(function=seen(penalty.function))
        for name, penalty in trainer.objective.penalties.items()
    }
    objective = trainer.objective._replace(model=model, penalties=penalties)
    return trainer._replace(model=model, objective=objective)


def initial_states(
    group: Group, shape: tuple[int, int, int], n_train: int, mean: jax.Array
) -> list[TrainState]:
    """The states that the single runs start from, in arrays of NumPy.

    Smaller codes are widened to the group's widest by zeros, so that all have the same shapes.
    """
    wide = group.config.model.code_size

    @partial(jax.jit, static_argnums=0)
    def init(size: int, key: jax.Array, values: Mapping[str, Any]) -> TrainState:
        like = trainer_of(group, values, shape, n_train).abstract()
        small = own_trainer(group, {**values, CODE_SIZE: size}, shape, n_train)
        return jax.tree.map(partial(_widened, size, wide), small.init(key, mean), like)

    states = []
    for i, seed in enumerate(group.seeds):
        size = int(group.values[CODE_SIZE][i]) if CODE_SIZE in group.values else wide
        values = {field: jnp.asarray(v[i]) for field, v in group.values.items()}
        states.append(jax.tree.map(np.asarray, init(size, jax.random.key(seed), values)))
    return states


def _widened(size: int, wide: int, leaf: jax.Array, like: Any) -> jax.Array:
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
