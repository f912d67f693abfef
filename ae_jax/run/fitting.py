"""Trains a run.

>>> import jax, ae_jax
>>> data = ae_jax.load_data("mnist5k")
>>> config = ae_jax.load_config("denoise", **{"train.epochs": 2})  # or the name alone
>>> run = ae_jax.fit(config, data, jax.random.key(0), progress=False)
>>> run.reconstruct(data.test.images[:8]).shape
(8, 28, 28, 1)

`ae_jax.run.trained` says which arrays are accepted.
"""

import os
import signal
import warnings

import jax
import numpy as np
from numpy.typing import ArrayLike

from ae_jax.data.arrays import hold_out
from ae_jax.data.load import Dataset, load_data
from ae_jax.evaluate import metrics
from ae_jax.inputs.keys import Key, as_key
from ae_jax.resolve.config import Given, as_config
from ae_jax.run.origin import as_used, dealing_seed, key_data, origin_of
from ae_jax.run.ready import ready
from ae_jax.run.starting import begins, continued, first_state, source_of
from ae_jax.run.trained import ANY, Run
from ae_jax.run.validation import Validation
from ae_jax.train import devices, loop, setup
from ae_jax.train.interrupt import Interrupt
from ae_jax.train.record import History

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of a notebook without ipywidgets: its bar is of text
    from tqdm.auto import tqdm


def fit(
    config: Given,
    data: Dataset | str | os.PathLike[str] | ArrayLike,
    key: Key,
    progress: bool = True,
    start: Run | None = None,
    whole: bool = False,
    init_from: Run | str | os.PathLike[str] | None = None,
) -> Run:
    """Trains and returns a `Run`.

    An interrupt (the stop button, Ctrl-C) returns the partly trained run within about a second, or
    after a step that takes longer. `fit(config, data, key, start=run)` continues it, with the same
    bits as a run that was not interrupted. A second interrupt raises KeyboardInterrupt.

    With `data.n_valid`, images are held out of the training set (`hold_out`, by the key). The loss
    on them is measured after every epoch; `run.best` has the weights with the lowest loss, and
    `train.patience` ends the training that many epochs later. The test set is never used.

    Args:
      config: the name or path of a config ('denoise'), a resolved one, or a dict or ConfigDict of
        differences from the defaults. Its `seed` and its choice of images (`data.name`, `split`,
        `n_train`, `n_test`) are ignored in favor of `key` and `data`; the config of the returned
        run records these.
      data: whatever `load_data` takes: a `Dataset`, the name of one or a path, or images [n, H, W],
        [n, H, W, C], rows [n, D] or a data frame, of which a tenth is held out.
      key: of the whole run: initial weights, data order, noise; a `jax.random.key` or a whole
        number.
      progress: whether to show a bar.
      start: a `Run` of the same config, data and key to continue; `train.epochs` may be larger.
      whole: an interrupt raises KeyboardInterrupt at once, for programs that need a complete run.
      init_from: whose weights (and running averages) to start with instead of random ones: a
        `Run`, or what `train.init_from` of the config takes, the name of a `pretrained` one, a work
        directory or an artefact. Config, data and key may be others: what has the same path and
        shape is taken, and a warning lists what has not. The optimizer starts fresh, and the mean
        image of `data.center` is that of the new data. `train.frozen` keeps parts as they are.

    Raises:
      ConfigError, DataError: something is not allowed; the message names it.
      DivergedError: the loss stopped being finite.
    """
    config, data, key = as_config(config), load_data(data), as_key(key)
    config, other = begins(config, start, init_from)
    if data.valid is None:
        data = hold_out(data, config.data.n_valid, dealing_seed(key_data(key)))
    config, data = ready(as_used(config, data, key), data)
    images = data.train.images
    setup.check_all_labels(config, data)
    trainer = setup.prepare(config, images.shape[1:], len(images), devices.mesh())
    origin = origin_of(config, data, key)
    source = source_of(other, trainer) if start is None else None
    if start is not None:
        origin = continued(start, config, origin)
    if source is not None:
        origin = origin._replace(init_sha256=source.sha256)
    state = first_state(trainer, images, key, start, source)
    run = Run(config, trainer.model, state.variables, {}, None, None, state, origin)
    run = run._replace(label_names=data.label_names, limits=ANY if data.scaler else None)
    if start is not None:
        kept = start.best if start.valid is not None and start.valid.best is not None else None
        run = run._replace(history=start.history, valid=start.valid, kept=kept)
    run = _trained(trainer, run, state, data, key, progress, whole).with_codes(images)
    kept = run.kept
    if kept is not None and run.valid is not None and run.state is not None:
        last = run.valid.best == int(run.state.step)
        kept = None if last else kept.with_codes(images)
    if data.scaler is None:
        return run._replace(kept=kept)
    kept = kept and kept._replace(scaler=data.scaler, limits=None)
    return run._replace(kept=kept, scaler=data.scaler, limits=None)


def _trained(
    trainer: setup.Trainer,
    run: Run,
    state: setup.TrainState,
    data: Dataset,
    key: jax.Array,
    progress: bool,
    whole: bool,
) -> Run:
    """The run at the end, or where it was interrupted."""
    config, history = trainer.config, History(run.history)
    evaluate = metrics.evaluator(trainer.objective, config.eval.batch_size)
    validation = Validation(trainer, data.valid, key, evaluate, run.valid)
    total = config.train.epochs * trainer.steps_per_epoch
    bar = tqdm(
        total=total, initial=int(state.step), unit="step", disable=not progress, desc=config.name
    )

    def now(state: setup.TrainState) -> Run:
        run_now = run._replace(variables=state.variables, state=state)
        return run_now._replace(history=history.arrays(), valid=validation.curve)

    with bar, Interrupt(*(() if whole else (signal.SIGINT,))) as stop:
        steps = iter(()) if validation.ended else loop.train(trainer, state, data.train, key)
        for chunk in steps:
            state = chunk.state
            history.add(chunk.terms)
            if chunk.compile_s:
                bar.unpause()  # the time left is that of steps: compiling is not done again
            bar.update(chunk.steps[1] - chunk.steps[0])
            bar.set_postfix(loss=f"{chunk.terms['loss'][-1]:.4g}")
            if validation.measured(chunk) and validation.beaten:
                run = run._replace(kept=None)  # of which another would be kept
                run = run._replace(kept=now(jax.tree.map(np.array, devices.local(state))))
            if stop.code or validation.ended:
                break
    return now(devices.local(state))
