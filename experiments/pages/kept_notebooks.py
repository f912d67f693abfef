"""Runs the notebooks and stores them with their outputs: NAME.ipynb next to NAME.py.

    python -m experiments.pages.kept_notebooks
    python -m experiments.pages.kept_notebooks --only=linear_is_pca,sweep

Needs the extra `notebooks`. Images are stored with 32 grays or 256 colors, in a third of the bytes.
Exit codes: 0 done, 2 bad input or environment, 1 a notebook failed (its cell and error are shown).
"""

import base64
import io
import time
from pathlib import Path
from typing import Any

from absl import flags
from PIL import Image

from ae_jax.errors import ConfigError
from ae_jax.files import atomic

from .. import cli

FOLDER = Path(__file__).parents[1] / "notebooks"


def main(argv: list[str], overrides: dict[str, Any]) -> int:
    """The command; returns its exit code."""
    for name in cli.chosen(sorted(file.stem for file in FOLDER.glob("*.py")), "notebook"):
        begun = time.perf_counter()
        file = keep(FOLDER / f"{name}.py")
        seconds, size = time.perf_counter() - begun, file.stat().st_size
        print(f"{name}: {seconds:.0f} s, {size / 1000:.0f} kB", flush=True)
    return 0


def keep(source: Path) -> Path:
    """Executes a notebook in the py:percent format; returns the .ipynb with its outputs."""
    try:
        import jupytext
        import nbformat
        from nbclient.exceptions import CellExecutionError
        from nbconvert.preprocessors import ExecutePreprocessor
    except ImportError as error:
        raise ConfigError(f"{error.name}: is missing; pip install -e '.[notebooks]'") from error
    notebook = jupytext.read(source)
    runner: Any = ExecutePreprocessor(timeout=None, record_timing=False)
    try:
        runner.preprocess(notebook, {"metadata": {"path": str(FOLDER.parents[1])}})
    except CellExecutionError as failed:
        raise SystemExit(f"{source.stem}: {failed}") from None
    notebook.metadata.pop("language_info", None)  # names the Python of this machine
    for i, cell in enumerate(notebook.cells):
        cell.id = f"cell-{i}"
        if "outputs" in cell:  # warnings and bars name paths and speeds of this machine
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data:
                data["image/png"] = smaller(data["image/png"])
    return atomic.write(source.with_suffix(".ipynb"), nbformat.writes(notebook))


def smaller(png: str) -> str:
    """A base64 PNG as one with a palette: of 32 grays, or of 256 colors where it has colors."""
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    red, green, blue = picture.split()
    if red.tobytes() == green.tobytes() == blue.tobytes():
        picture = red.point([round(round(31 * level / 255) * 255 / 31) for level in range(256)])
    else:
        picture = picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    picture.save(buffer, format="png", optimize=True)
    return min(png, base64.b64encode(buffer.getvalue()).decode(), key=len)


if __name__ == "__main__":
    flags.DEFINE_list("only", None, "Names of notebooks, separated by commas; default all.")
    cli.run(main)
