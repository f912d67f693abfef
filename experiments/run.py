"""Trains the autoencoder a config describes, evaluates it beside its controls, draws, checkpoints.

    python -m experiments.run --config=configs/denoise.py
    python -m experiments.run --config=configs/denoise.py --config.data.name=mnist --workdir=runs/d2

Run the same command again to resume (after a kill, too) or, with a larger
--config.train.epochs, to go on. Sections of a config: data, corruption, encoder, model,
bottleneck, decoder, loss, penalties, optim, train, eval; a name that does not exist is answered
with those that do. Exit codes: 0 done, 2 bad config, input or environment, 3 diverged, 130/143
interrupted with the state saved.
"""

import signal
import sys
import time
from pathlib import Path
from typing import Any

from absl import flags

from experiments import cli

flags.DEFINE_string("config", None, cli.CONFIG_HELP)
flags.DEFINE_string("workdir", None, "Where the run lives; default runs/<config name>.")
flags.mark_flag_as_required("config")


class Stop:
    """Remembers the first SIGINT or SIGTERM; a second one ends the process at once."""

    def __init__(self) -> None:
        """Installs the handlers."""
        self.code = 0
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def _note(self, number: int, frame: Any) -> None:
        self.code = 128 + number
        print("\nstopping after this chunk of steps; once more to stop at once", file=sys.stderr)
        signal.signal(number, signal.SIG_DFL)


def main(argv: list[str], overrides: dict[str, Any]) -> int:
    """The command; returns its exit code."""
    started = time.perf_counter()
    config = cli.load(flags.FLAGS.config, overrides)
    stop = Stop()
    # Imported after the config is known to be good: a typo is answered at once.
    from ae_jax import data as data_lib
    from experiments import session, workdir

    path = Path(flags.FLAGS.workdir or Path("runs") / config.name)
    d = config.data
    dataset = data_lib.load_data(d.name, d.manual_dir, d.split, config.seed)
    dataset = data_lib.subset(dataset, d.n_train, d.n_test)
    run = session.prepare(config, dataset)
    workdir.claim(path, config)
    return session.train(run, path, started, stop)


if __name__ == "__main__":
    cli.run(main)
