"""Trains every point of a grid with several seeds, many runs in one compiled program.

    python -m experiments.sweep --config=configs/dropout.py --seeds=5 \\
        --grid='optim.learning_rate=1e-3,3e-4;penalties.weight_l2.weight=0,1e-4'
    python -m experiments.sweep --config=configs/linear.py --grid='model.code_size=4,8,16,32'
    python -m experiments.sweep --config=configs/dropout.py --search=halving \\
        --grid='optim.learning_rate=1e-2,3e-3,1e-3,3e-4,1e-4' --config.data.n_valid=0.1

A grid is <field>=<value>,<value>;<field>=...: every combination is a point. Each member is the run
that experiments.run makes with that seed (the config's and the following ones) and those values.
Numbers that are declared OPEN (see ae_jax/config/numbers.py), and model.code_size where a mask can
replace it, are arguments of one program; every other difference makes another program. Files:
sweep.json and figures/sweep.png (test mse against the code size next to PCA, or against the first
numeric field).

With --search=halving all points are trained for a few epochs, the best third of them (--reduction)
for three times as many, and so on to the config's epochs. Points are compared by their mean loss on
the validation images.

With --launcher=slurm programs are jobs of a cluster, by submitit (pip install -e '.[launch]'), of
--group members at most; where it is not given, all are divided by --jobs. What jobs write is in
WORKDIR/jobs until all have ended; a job whose node was lost is redone. Workdir and data are where
all nodes see them:

    python -m experiments.sweep --config=configs/dropout.py --seeds=64 --launcher=slurm \\
        --launcher_options=slurm_partition=gpu,gpus_per_node=1,timeout_min=60

A finished sweep is not repeated; an interrupted one resumes after the last finished program or
rung. Exit codes: 0 done, 2 bad config, input or environment, 3 every member diverged, 130/143
interrupted.
"""

import signal
import time
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from absl import flags

from ae_jax.errors import ConfigError

from . import cli

flags.DEFINE_string("config", None, cli.CONFIG_HELP)
flags.DEFINE_string("grid", None, "<field>=<value>,<value>;<field>=...; empty: only seeds vary.")
flags.DEFINE_integer("seeds", 5, "Number of seeds per point of the grid.")
cli.define_path("workdir", None, "Directory of the results; default runs/<config name>_sweep.")
cli.define_data()
flags.DEFINE_enum("search", "grid", ["grid", "halving"], "Which points are trained to the end.")
flags.DEFINE_integer("reduction", 3, "With halving: one in so many goes on.", lower_bound=2)
flags.DEFINE_string("method", "auto", "auto (measures which is fastest), vmap, map or loop.")
flags.DEFINE_integer("group", 0, "Members in one program at most; 0: no limit.", lower_bound=0)
flags.DEFINE_enum(
    "launcher",
    "none",
    ["none", "slurm", "local"],
    "Where programs are trained: in this process, as jobs of Slurm, or as processes beside this.",
)
flags.DEFINE_integer("jobs", 8, "With a launcher: how many jobs at once.", lower_bound=1)
flags.DEFINE_list(
    "launcher_options",
    [],
    "NAME=VALUE,... of submitit: timeout_min, mem_gb, cpus_per_task, gpus_per_node, "
    "slurm_partition, ...",
)
flags.mark_flag_as_required("config")


def stop(number: int, frame: FrameType | None) -> None:
    """What there is to keep is on disk already, so a signal just ends the sweep."""
    cli.fail("interrupted; the same command resumes after the last finished program", 128 + number)


def main(argv: list[str], overrides: dict[str, Any]) -> int:
    """The command; returns its exit code."""
    started = time.perf_counter()
    F = flags.FLAGS
    from .sweeping import grid
    from .workdirs import place

    if F.method not in (methods := ("auto", "vmap", "map", "loop")):
        raise ConfigError(f"--method: must be one of {', '.join(methods)}, not {F.method!r}")
    overrides.update(place.fields(F.data, cli.load(F.config, overrides).data.name))
    config = place.settled(cli.load(F.config, overrides))
    members = grid.members(F.config, overrides, grid.parse(F.grid), F.seeds)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    from .sweeping import launching, session, training
    from .sweeping.plan import plan
    from .workdirs import lock

    training.use_cores(len(members))
    path = Path(F.workdir or Path("runs") / f"{config.name}_sweep")
    each, largest = partial(training.here, F.method), F.group
    with cli.writing("--workdir"), lock.hold(path):
        if F.launcher != "none":
            options = launching.options(F.launcher_options)
            cluster = launching.Cluster(F.launcher, path / "jobs", F.jobs, options)
            launching.check(cluster)
            each = partial(launching.each, cluster, F.method)
            largest = largest or -(-len(members) // F.jobs)
        reduction = F.reduction if F.search == "halving" else 0
        return session.run(plan(config, members, reduction, largest), path, each, started)


if __name__ == "__main__":
    cli.run(main, configurable=True)
