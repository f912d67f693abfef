"""The origin of measurements, stored in every results file: date, machine, versions."""

import datetime
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("ae_jax", "jax", "jaxlib", "flax", "optax", "numpy")


def where(*more: str) -> dict[str, Any]:
    """{"date", "machine", "versions"}: today, processor and cores, Python and packages."""
    versions = {n: metadata.version(n) for n in (*PACKAGES, *more)}
    return {
        "date": datetime.date.today().isoformat(),
        "machine": {"cpu": cpu(), "cores": cores()},
        "versions": {"python": platform.python_version(), **versions},
    }


def cpu() -> str:
    """The processor's name."""
    lines = Path("/proc/cpuinfo")
    for line in lines.read_text().splitlines() if lines.exists() else []:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def cores() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
