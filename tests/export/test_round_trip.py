"""What was exported says what the run says: every config, every format."""

import importlib.metadata
import subprocess
import sys
from functools import partial

import jax
import numpy as np
import pytest

import ae_jax
from ae_jax.errors import ConfigError
from ae_jax.evaluate import conformal
from ae_jax.export import onnx, programs, stablehlo, weights
from ae_jax.model import pipeline, units
from ae_jax.model.weights import params_sha256
from ae_jax.resolve.config import load_config
from ae_jax.run import exporting
from tests.export.opening import opened
from tests.export.runs import FORMATS, OPENED, check_equal, results, run_of
from tests.resolve.small import ALL_VARIANTS, CONFIGS
from tests.run.doors import KEY, SMALL, X, fit, same

QUICK = ("impute",)
REFUSED = {  # (format, config) that it cannot hold, and says so: transposed convolutions
    ("onnx", path)
    for path in (
        *("conv_strided", "conv_strided:batchnorm"),
        *("signal", "photos", "photos:large", "patches"),
    )
}


def networks():
    """Configs and variants, one of those that have the same network."""
    kept = {}
    for path in (*QUICK, *CONFIGS, *ALL_VARIANTS):
        c = load_config(path)
        slots = (c.encoder, c.decoder, c.bottleneck, c.model)
        data = {**c.data.to_dict(), "name": "" if "mnist" in c.data.name else c.data.name}
        free = ("n_train", "n_test", "n_valid", "split", "manual_dir", "streaming")
        seen = {name: value for name, value in data.items() if name not in free}
        kept.setdefault(repr((*(s.to_dict() for s in slots), seen, c.corruption.name)), path)
    return list(kept.values())


def marks(path):
    return () if path in QUICK else pytest.mark.long


@pytest.mark.parametrize("path", [pytest.param(p, marks=marks(p)) for p in networks()])
def test_a_config_says_the_same_after_export(path, tmp_path):
    run, x, labels = run_of(path)
    z = run.encode(x)
    assert np.mean(z != 0) > 0.001
    ours = results(run, x, z, labels)
    for format in FORMATS:
        if (format, path) in REFUSED:
            with pytest.raises(ConfigError, match=f"cannot hold '{run.config.name}'"):
                run.export(tmp_path / format, format)
            continue
        run.export(tmp_path / format, format, normal=x, labels=labels)
        found = opened(tmp_path / format, run)
        check_equal(ours, results(found, x, z, labels))
        assert np.mean(found.score(x, labels) > found.threshold.score) <= 0.05


@pytest.mark.parametrize("n", [0, 1, 3, 700])  # 700: the run passes over more than one piece
@pytest.mark.parametrize("format", OPENED)
def test_any_number_of_examples(format, n, made, found):
    run, _ = made
    x = np.tile(X, (12, 1, 1, 1))[:n]
    z = run.encode(x)
    check_equal(results(run, x, z, None), results(found[format], x, z, None))
    check_equal({"unit": run.encode(x / 255)}, {"unit": found[format].encode(x / 255)})


@pytest.mark.parametrize("format", OPENED)
def test_it_knows_where_it_comes_from_and_when_to_raise_an_alarm(format, made, found):
    run, _ = made
    e = found[format]
    assert e.params_sha256 == params_sha256(run.variables["params"])
    assert e.description["run"]["step"] == 3
    assert e.description["run"]["origin"]["images_sha256"] == run.origin.images_sha256
    assert e.description["versions"]["jax"] == jax.__version__
    assert e.threshold == (conformal.threshold(run.score(X), 0.1), 0.1, 60)
    assert (e.columns, e.class_names) == (None, None)
    assert repr(e).startswith("Exported(") and format in repr(e)


def test_columns_scale_classes_and_holes_come_along(tmp_path):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 3)) * [1.0, 1e3, 1e-3] + [0.0, 1e6, 5.0]
    rows[rng.random(rows.shape) < 0.1] = np.nan
    names = np.array(["ant", "bee"])[np.arange(60) % 2]
    data = ae_jax.from_arrays(rows, rows, names, names, columns=["a", "b", "c"])
    config = {**SMALL, "model": {"code_size": 2, "classes": 2}, "data": {"scale": "robust"}}
    run = fit(data, {**config, "decoder": {"output": "linear"}})
    z = run.encode(rows)
    for format in FORMATS:
        run.export(tmp_path / format, format)
        e = opened(tmp_path / format, run)
        assert (e.columns, e.class_names) == (["a", "b", "c"], ("ant", "bee"))
        assert e.threshold is None
        check_equal(results(run, rows, z, names), results(e, rows, z, names))


def test_weights_and_config_are_a_run_again(made, found):
    run, _ = made
    again = found["safetensors"].run
    same(run.variables, again.variables)
    assert again.config == run.config and again.model == run.model
    same(run.sample(KEY, 3), again.sample(KEY, 3))
    assert found["stablehlo"].run is None


def test_a_run_built_again_knows_its_data_and_does_not_pretend_to_know_its_steps(
    made, found, tmp_path
):
    run, again = made[0], found["safetensors"].run
    assert again.origin == run.origin
    assert "steps" not in repr(again) and "steps" not in again._repr_html_()
    again.export(tmp_path / "a", "stablehlo")
    said = ae_jax.load_exported(tmp_path / "a").description
    assert said["run"]["origin"] == found["stablehlo"].description["run"]["origin"]
    for refused in (lambda: again.save(tmp_path / "b"), again.plot_loss, lambda: again.best):
        with pytest.raises(ae_jax.AeJaxError):
            refused()
    with pytest.raises(ConfigError, match="without what training needs"):
        fit(X, start=again)


def test_the_version_is_that_of_the_code_that_runs(made, monkeypatch):
    missing = importlib.metadata.PackageNotFoundError
    real = importlib.metadata.version

    def version(name):
        if name == "ae_jax":
            raise missing(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    said = exporting.described(made[0], "onnx", None)
    assert said["versions"]["ae_jax"] == ae_jax.__version__


@pytest.mark.parametrize(("machine", "native"), [("cpu", False), ("accelerator", True)])
def test_programs_have_the_convolutions_of_their_machine(machine, native):
    model = pipeline.build(load_config("conv_strided"), (28, 28, 1))
    variables = jax.eval_shape(model.init, KEY)
    rows = stablehlo.taken("reconstruct", model, variables)
    function, like = partial(units.reconstruct, model), weights.shapes(variables)
    program = stablehlo.lowered(function, like, rows, machine)
    assert program.platforms == programs.MACHINES[machine]
    assert ("stablehlo.convolution" in program.mlir_module()) is native


ALONE = """
import sys, ae_jax, numpy as np
e = ae_jax.load_exported(sys.argv[1])
np.save(sys.argv[2], e.reconstruct(np.load(sys.argv[3])))
room = ("ae_jax.model", "ae_jax.resolve", "ae_jax.objective", "flax", "optax", "orbax")
print([m for m in sys.modules if m.startswith(room)])
"""


def test_stablehlo_needs_no_model(made, tmp_path):
    run, folder = made
    np.save(tmp_path / "x.npy", X)
    files = [folder / "stablehlo", tmp_path / "y.npy", tmp_path / "x.npy"]
    done = subprocess.run(
        [sys.executable, "-c", ALONE, *map(str, files)], capture_output=True, text=True
    )
    assert done.returncode == 0 and done.stdout.strip() == "[]", done.stdout + done.stderr
    check_equal({"x": run.reconstruct(X)}, {"x": np.load(tmp_path / "y.npy")})


@pytest.mark.skipif("onnx" not in FORMATS, reason="needs the extra onnx")
def test_a_graph_that_says_something_else_is_refused(made, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx, "MOST", -1.0)
    with pytest.raises(ConfigError, match="cannot hold 'unnamed': encode: is off by"):
        made[0].export(tmp_path / "a", "onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
@pytest.mark.parametrize("dtype", ["bfloat16"])
def test_half_precision(dtype, tmp_path):
    run, x, _ = run_of("undercomplete", model={"dtype": dtype})
    z = run.encode(x)
    ours = results(run, x, z, None)
    for format in set(FORMATS) - {"onnx"}:  # onnxruntime has no such products on CPUs
        run.export(tmp_path / format, format)
        rtol = 0.01 if format == "torch" else 1e-5  # XLA rounds less often than it is told to
        check_equal(ours, results(opened(tmp_path / format, run), x, z, None), rtol)
