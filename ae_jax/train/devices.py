"""Data parallelism: each batch is split over the devices; everything else is replicated.

JAX's compiler does the rest: sums over the batch, and therefore gradients and BatchNorm statistics,
cover the whole batch. With one device (`mesh` None) nothing changes. The same seed gives the same
bits on the same number of devices; another number sums in another order.
"""

import math
import os
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec, Sharding

from ae_jax.errors import AeJaxError, ConfigError
from ae_jax.model.pipeline import Tree


def join(coordinator: str, num_processes: int, process_id: int, heartbeat_s: int) -> None:
    """Makes this process one of `num_processes` that train one model; before any computation.

    Raises:
      ConfigError: the others did not come.
    """
    try:
        jax.distributed.initialize(
            coordinator,
            num_processes,
            process_id,
            initialization_timeout=60,
            heartbeat_timeout_seconds=heartbeat_s,
        )
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0][:200]
        raise ConfigError(f"--coordinator: cannot join {coordinator}: {reason}") from error


def mesh(devices: Sequence[jax.Device] | None = None) -> Mesh | None:
    """All devices of all processes (or those given) in a row; None where there is one."""
    devices = jax.devices() if devices is None else devices
    if len(devices) == 1:
        return None
    return Mesh(np.asarray(devices), ("data",), axis_types=(AxisType.Auto,))


def everywhere(mesh: Mesh | None) -> Sharding:
    """Of what every device has a copy of."""
    if mesh is None:
        return jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    return NamedSharding(mesh, PartitionSpec())


def replicate(mesh: Mesh | None, tree: Tree) -> Any:
    """Arrays of this process -> a copy on every device."""
    if mesh is None:
        return jax.tree.map(jnp.asarray, tree)
    if jax.process_count() == 1:
        return jax.device_put(tree, everywhere(mesh))
    return multihost_utils.host_local_array_to_global_array(tree, mesh, PartitionSpec())


def spread(mesh: Mesh | None, rows: jax.Array) -> jax.Array:
    """Inside jit: rows [batch, ...] in equal parts on the devices, where they can be equal."""
    if mesh is None or len(rows) % mesh.size:
        return rows
    return jax.lax.with_sharding_constraint(rows, NamedSharding(mesh, PartitionSpec("data")))


def local(tree: Tree) -> Any:
    """What is everywhere -> this process's first copy of it."""
    return jax.tree.map(lambda leaf: leaf.addressable_data(0), tree)


def check_fits(what: str, tree: Tree) -> None:
    """Raises ConfigError where the arrays of `tree`, real or abstract, exceed the memory."""
    needed = sum(math.prod(v.shape) * v.dtype.itemsize for v in jax.tree.leaves(tree))
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        raise ConfigError(
            f"{what}: needs {needed / 1e9:,.0f} GB, this machine has {there / 1e9:,.0f} GB"
        )


def agree(*numbers: int) -> tuple[int, ...]:
    """The largest of each over the processes, which must all ask."""
    if jax.process_count() == 1:
        return numbers
    every = multihost_utils.process_allgather(np.asarray(numbers, np.int32))
    return tuple(int(n) for n in np.max(every, axis=0))


def by_first(act: Callable[[], Any]) -> None:
    """One process acts, all wait; an error of the one ends all."""
    error: Exception | None = None
    if jax.process_index() == 0:
        try:
            act()
        except Exception as raised:
            error = raised
    (failed,) = agree(error is not None)
    if error:
        raise error
    if failed:
        raise AeJaxError("process 0 failed; its output says why")
