"""A run in MLflow's store of files, <run>/mlflow: no server, and nothing is sent.

MLFLOW_ALLOW_FILE_STORE=true mlflow ui --backend-store-uri=runs/denoise/mlflow
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

# MLflow sends how it is used unless it is told not to, and warns of stores of files by an error.
SETTINGS = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ALLOW_FILE_STORE": "true"}


class Writer:
    """The one run of the store; numbers that it has already are not said twice."""

    def __init__(self, path: Path, name: str, config: Mapping[str, Any], step: int) -> None:
        for setting, value in SETTINGS.items():
            os.environ.setdefault(setting, value)
        from mlflow.tracking import MlflowClient  # which reads them

        store = (path / "mlflow").resolve()
        store.mkdir(exist_ok=True)
        self.client = MlflowClient(tracking_uri=store.as_uri())
        found = self.client.search_experiments()
        runs = self.client.search_runs([e.experiment_id for e in found]) if found else []
        if runs:
            self.run = runs[0].info.run_id
            self.client.update_run(self.run, status="RUNNING")
        else:
            self.run = self._new(name, config)
        known = runs[0].data.metrics if runs else ()
        self.last = {n: self._last(n) for n in known}  # name -> the last step that is there

    def _new(self, name: str, config: Mapping[str, Any]) -> str:
        experiment = self.client.create_experiment(name)
        run = str(self.client.create_run(experiment, run_name=name).info.run_id)
        for field, value in config.items():
            self.client.log_param(run, field, value)
        return run

    def _last(self, name: str) -> int:
        return max(metric.step for metric in self.client.get_metric_history(self.run, name))

    def numbers(self, values: Mapping[str, float], step: int) -> None:
        """A metric for each. A resumed run has the same numbers at the steps it takes again."""
        for name, value in values.items():
            if step > self.last.get(name, -1):
                self.client.log_metric(self.run, name, value, step=step)

    def histograms(self, values: Mapping[str, np.ndarray], step: int) -> None:
        """MLflow has none."""

    def picture(self, name: str, pixels: np.ndarray, step: int) -> None:
        """An artifact."""
        self.client.log_image(self.run, pixels, artifact_file=f"{name}/{step:08d}.png")

    def close(self, ended: bool) -> None:
        """Says whether it has finished."""
        self.client.set_terminated(self.run, "FINISHED" if ended else "KILLED")
