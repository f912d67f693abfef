"""Compiles what a first epoch needs while the state is made or restored."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from ae_jax.train import loop
from ae_jax.train.loop import Programs

from .prepared import Session
from .progress import few


def begin(s: Session, path: Path) -> Future[tuple[Programs, float]]:
    """(the steps' programs, seconds they took), from threads that run from now on."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(_compiled, s, path)
    pool.shutdown(wait=False)
    return future


def _compiled(s: Session, path: Path) -> tuple[Programs, float]:
    """Nothing for a run that seems to have ended, and where several devices share a batch."""
    if (path / "summary.json").exists() or s.trainer.mesh is not None:
        return {}, 0.0
    with ThreadPoolExecutor() as beside:
        others = [beside.submit(_evaluation, s), beside.submit(_few, s)]
        programs = loop.compile_ahead(s.trainer, s.dataset.train, s.key)
        for other in others:
            other.result()
    return programs


def _evaluation(s: Session) -> None:
    for part in filter(None, (s.dataset.test, s.dataset.valid)):
        s.evaluate.compile(s.trainer.abstract().variables, part, s.key)


def _few(s: Session) -> None:
    s.see.lower(s.trainer.abstract().variables, *few(s)).compile()
