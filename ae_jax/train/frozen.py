"""Arrays that training leaves as they are, to the bit: `train.frozen`.

A pattern is the path of an array, 'encoder/layer_0/kernel', the beginning of one up to a slash,
'encoder', or either with * and ?, '*/bias'. It is of parameters and of running averages alike:
those of a frozen BatchNorm do not move, and training normalizes by them, as evaluation does.
"""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

import jax

from ae_jax.config.schema import unknown
from ae_jax.errors import ConfigError
from ae_jax.model.pipeline import Params, Tree, Variables

FIELD = "train.frozen"
KINDS = ("params", "batch_stats")  # collections, of which patterns do not speak
Frozen = frozenset[str]  # names of arrays, 'params/encoder/layer_0/kernel'


def names(variables: Tree) -> list[str]:
    """'params/encoder/layer_0/kernel', ...: of every array of the variables, in their order."""
    leaves = jax.tree_util.tree_leaves_with_path(variables)
    return [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in leaves]


def find(patterns: Sequence[str], variables: Variables) -> Frozen:
    """The arrays that the patterns are of; the variables may be abstract.

    Raises:
      ConfigError: a pattern is of none, and what there is; or nothing is left to train.
    """
    known = [name for name in names(variables) if name.partition("/")[0] in KINDS]
    found: set[str] = set()
    for pattern in patterns:
        mine = {name for name in known if _is_of(pattern, name.partition("/")[2])}
        if not mine:
            raise ConfigError(unknown(FIELD, pattern, _parts(known), "parameter"))
        found |= mine
    if not [name for name in known if name.startswith("params/") and name not in found]:
        raise ConfigError(f"{FIELD}: leaves no parameter to train; leave some out")
    return frozenset(found)


def _is_of(pattern: str, path: str) -> bool:
    wanted = pattern.strip("/")
    return fnmatchcase(path, wanted) or fnmatchcase(path, f"{wanted}/*")


def _parts(known: Iterable[str]) -> set[str]:
    """What a message lists: networks and their layers, not each array."""
    paths = [name.split("/")[1:] for name in known]
    return {"/".join(path[:n]) for path in paths for n in (1, 2)}


def trained(frozen: Frozen, params: Params) -> Any:
    """A tree of booleans: which of the parameters move."""
    moves = iter([name not in frozen for name in names({"params": params})])
    return jax.tree.map(lambda _: next(moves), params)


def stopped(frozen: Frozen, params: Params) -> Params:
    """The parameters, of which the frozen ones have no gradient."""
    if not frozen:
        return params
    return jax.tree.map(
        lambda moves, leaf: leaf if moves else jax.lax.stop_gradient(leaf),
        trained(frozen, params),
        params,
    )


def kept(frozen: Frozen, old: Variables, new: Variables) -> Variables:
    """`new`, with those of `old` that are frozen."""
    if not frozen:
        return new
    leaves = zip(names(new), jax.tree.leaves(old), jax.tree.leaves(new), strict=True)
    found = [before if name in frozen else after for name, before, after in leaves]
    made: Variables = jax.tree.unflatten(jax.tree.structure(new), found)
    return made


def still(frozen: Frozen) -> frozenset[str]:
    """The paths of modules whose running averages are frozen."""
    averages = [name for name in frozen if name.startswith("batch_stats/")]
    return frozenset(name.split("/", 1)[1].rpartition("/")[0] for name in averages)
