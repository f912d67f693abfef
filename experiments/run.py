"""Trains the autoencoder of a config, evaluates it next to its baselines, and draws figures.

    python -m experiments.run --config=configs/denoise.py
    python -m experiments.run --config=configs/denoise.py --config.data.name=mnist --workdir=runs/d2

Run the same command again to resume, also after a kill, or to continue with a larger
--config.train.epochs. Sections of a config: data, corruption, encoder, model, bottleneck, decoder,
loss, penalties, optim, train, eval. Unknown names are rejected with a list of valid ones.

Exit codes: 0 done, 2 bad config, input or environment, 3 diverged, 130/143 interrupted with the
state saved, 141 the reader of the output is gone (`| head`).
"""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from absl import flags

from . import cli

flags.DEFINE_string("config", None, cli.CONFIG_HELP)
cli.define_path("workdir", None, "Work directory of the run; default runs/<config name>.")
cli.define_data()
flags.DEFINE_string("coordinator", None, "For several processes: host:port of process 0.")
flags.DEFINE_integer("num_processes", 1, "Number of processes; start each with the same command.")
flags.DEFINE_integer("process_id", 0, "Number of this process, from 0.")
flags.DEFINE_integer("heartbeat", 100, "Seconds of silence after which a process is dead.")
flags.DEFINE_bool("tensorboard", False, "Write numbers and images to <workdir>/tensorboard.")
flags.DEFINE_bool("mlflow", False, "The same to MLflow's files in <workdir>/mlflow.")
flags.DEFINE_bool("wandb", False, "The same to Weights & Biases' files in <workdir>/wandb.")
cli.define_yes_or_no("figures", True, "With --figures=no: evaluate without drawing.")
flags.DEFINE_bool("dry_run", False, "Print the cost of the training, and exit.")
flags.mark_flag_as_required("config")


def main(argv: list[str], overrides: dict[str, Any]) -> int:
    """The command; returns its exit code."""
    started = time.perf_counter()
    config = cli.load(flags.FLAGS.config, overrides)
    f = flags.FLAGS
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    # Imported after the config is known to be good: a typo is answered at once.
    import jax

    from ae_jax.data import load
    from ae_jax.train import devices

    from .running import beginning, session, trackers
    from .workdirs import lock, place, workdir

    config = place.settled(config, f.data)
    shown_in = [name for name in trackers.TRACKERS if f[name].value]
    trackers.check(shown_in)
    if f.coordinator:
        devices.join(f.coordinator, f.num_processes, f.process_id, f.heartbeat)
    if f.dry_run:
        print(session.cost_text(session.prepare(config, load.of_config(config))))
        return 0
    path = Path(f.workdir or Path("runs") / config.name)
    try:
        with cli.writing("--workdir"), contextlib.ExitStack() as held:
            # Before the data: whoever comes second to a directory hears of it at once.
            devices.by_first(lambda: held.enter_context(lock.hold(path)))
            known = beginning.known(path, config)
            run = session.prepare(config, load.of_config(config), known=known)
            devices.by_first(lambda: workdir.claim(path, run.config, run.meta))
            return session.train(run, path, started, shown_in, f.figures)
    except jax.errors.JaxRuntimeError as error:
        if not f.coordinator:
            raise
        reason = str(error).splitlines()[0][:200]
        print(f"error: another process of this run has exited ({reason})", file=sys.stderr)
        print("start all of them again to resume", file=sys.stderr, flush=True)
        os._exit(2)  # an orderly end would wait for the dead


def leave(number: int, frame: FrameType | None) -> None:
    """A signal while there is nothing to save: every file is whole, or will be written again."""
    print("\nstopped; run the same command again to resume", file=sys.stderr, flush=True)
    os._exit(128 + number)


if __name__ == "__main__":
    cli.run(main, configurable=True)
