"""An artefact is whole or refused; what stands in the way is never lost."""

import json
import shutil

import jax.numpy as jnp
import numpy as np
import pytest

import ae_jax
from ae_jax import CheckpointError, ConfigError, DataError
from ae_jax.export import artefact, packages
from ae_jax.files import checksums
from ae_jax.resolve import registering
from ae_jax.run.exporting import WRITERS
from tests.export.runs import FORMATS, OPENED
from tests.run.doors import SMALL, UNIT, X, fit, one_line


@pytest.fixture(params=FORMATS)
def copy(request, made, tmp_path):
    """A copy of an artefact of each format, to be damaged."""
    return shutil.copytree(made[1] / request.param, tmp_path / "copy")


def test_one_changed_byte_anywhere_is_refused(copy):
    rng = np.random.default_rng(0)
    for file in sorted(copy.iterdir()):
        whole = file.read_bytes()
        for place in {0, len(whole) - 1, *rng.integers(0, len(whole), 10).tolist()}:
            bad = bytearray(whole)
            bad[place] ^= 1 << int(rng.integers(8))
            file.write_bytes(bad)
            with pytest.raises(CheckpointError, match="is damaged") as error:
                ae_jax.load_exported(copy)
            one_line(error)
        file.write_bytes(whole)
    artefact.read(copy)


def test_a_file_more_or_less_is_refused(copy):
    (copy / "more").write_text("")
    with pytest.raises(CheckpointError, match="more: is not listed"):
        ae_jax.load_exported(copy)
    (copy / "more").unlink()
    name = next(f.name for f in copy.iterdir() if f.suffix in (".npz", ".safetensors", ".onnx"))
    (copy / name).unlink()
    with pytest.raises(CheckpointError, match=f"{name}: is missing"):
        ae_jax.load_exported(copy)


@pytest.fixture(params=OPENED)
def readable(request, made, tmp_path):
    """A copy of an artefact of each format that is opened here."""
    return shutil.copytree(made[1] / request.param, tmp_path / "copy")


def described(copy, **fields):
    """The artefact with other fields, None for absent, whole as far as checksums can tell."""
    file = copy / artefact.DESCRIPTION
    said = json.loads(file.read_text()) | fields
    absent = {name for name, value in fields.items() if value is None}
    file.write_text(json.dumps({name: v for name, v in said.items() if name not in absent}))
    checksums.write(copy)


OTHERS = {
    "version": ({"version": 2}, "version 2"),
    "maker": ({"made_by": "me"}, "version"),
    "format": ({"format": "onxn"}, "description"),
    "shape": ({"shape": [28]}, "description"),
    "kind": ({"kind": "rows"}, "description"),
    "threshold": ({"threshold": {"score": 1}}, "description"),
    "no config": ({"config": None}, "description"),
    "config": ({"config": 5}, "description"),
    "no run": ({"run": None}, "description"),
    "run": ({"run": 5}, "description"),
    "no size": ({"code_size": None}, "description"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_a_description_that_is_not_ours_is_refused(case, readable):
    fields, said = OTHERS[case]
    described(readable, **fields)
    with pytest.raises(CheckpointError, match=said) as error:
        ae_jax.load_exported(readable)
    assert len(str(error.value).splitlines()) <= 3


def test_weights_of_another_model_are_refused(made, tmp_path):
    copy = shutil.copytree(made[1] / "safetensors", tmp_path / "copy")
    config = made[0].config.replace(model={"code_size": 5})
    described(copy, config=config.to_dict())
    with pytest.raises(CheckpointError, match=r"weights: .* must be float32 \(5, 48\)") as error:
        ae_jax.load_exported(copy)
    one_line(error)


def test_programs_that_jax_cannot_read_are_refused(made, tmp_path):
    copy = shutil.copytree(made[1] / "stablehlo", tmp_path / "copy")
    (copy / "encode.cpu.jax_export").write_bytes(b"not a program")
    checksums.write(copy)
    with pytest.raises(CheckpointError, match="cannot read the programs") as error:
        ae_jax.load_exported(copy)
    one_line(error)


def test_no_artefact(tmp_path):
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(CheckpointError, match="holds no artefact"):
            ae_jax.load_exported(path)


def test_what_is_there_stays(made, tmp_path):
    run, _ = made
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years")
    for replace in (False, True):
        with pytest.raises(ConfigError, match="is no artefact") as error:
            run.export(mine, "stablehlo", replace=replace)
        one_line(error, str(mine))
    assert (mine / "thesis.txt").read_text() == "years"
    run.export(tmp_path / "a", "safetensors")
    with pytest.raises(ConfigError, match="already"):
        run.export(tmp_path / "a", "safetensors")
    run.export(tmp_path / "a", "stablehlo", replace=True)
    assert ae_jax.load_exported(tmp_path / "a").description["format"] == "stablehlo"
    assert sorted(f.name for f in tmp_path.iterdir()) == ["a", "mine"], "nothing is left over"


def test_what_only_looks_like_an_artefact_is_not_replaced(made, tmp_path):
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "data.bin").write_bytes(b"years")
    for text in ('{"title": "mine"}', "not JSON", "[]"):
        (foreign / artefact.DESCRIPTION).write_text(text)
        checksums.write(foreign)
        with pytest.raises(ConfigError, match="is no artefact") as error:
            made[0].export(foreign, "safetensors", replace=True)
        one_line(error, str(foreign))
    assert (foreign / "data.bin").read_bytes() == b"years"


def test_what_lies_beside_an_artefact_is_not_lost(made, tmp_path):
    copy = shutil.copytree(made[1] / "safetensors", tmp_path / "copy")
    (copy / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"holds notes\.txt") as error:
        made[0].export(copy, "safetensors", replace=True)
    one_line(error, str(copy))
    (copy / "notes.txt").rename(tmp_path / "notes.txt")
    (copy / "link").symlink_to(tmp_path / "notes.txt")
    with pytest.raises(ConfigError, match="link: is not a plain file"):
        made[0].export(copy, "safetensors", replace=True)
    (copy / "link").unlink()
    made[0].export(copy, "safetensors", replace=True)


def test_what_comes_while_an_artefact_is_made_is_not_lost(made, tmp_path, monkeypatch):
    def slow(run, said, folder):
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "thesis.txt").write_text("years")

    monkeypatch.setitem(WRITERS, "stablehlo", slow)
    with pytest.raises(ConfigError, match="is no artefact"):
        made[0].export(tmp_path / "a", "stablehlo", replace=True)
    assert (tmp_path / "a" / "thesis.txt").read_text() == "years"
    assert [f.name for f in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("failing", [(2,), (2, 3)])
def test_where_the_new_one_cannot_take_its_place_the_old_one_stays(
    failing, made, tmp_path, monkeypatch
):
    copy = shutil.copytree(made[1] / "safetensors", tmp_path / "copy")
    rename, calls = artefact.os.rename, []

    def counted(a, b):
        calls.append((a, b))
        if b.parent == tmp_path and len(calls) in failing:
            raise OSError(5, "Input/output error")
        rename(a, b)

    def export():
        artefact.write(copy, {}, lambda folder: (folder / "x").write_text(""), replace=True)

    monkeypatch.setattr(artefact.json_file, "write", lambda file, value: file.write_text("{}"))
    monkeypatch.setattr(artefact.os, "rename", counted)
    with pytest.raises(CheckpointError, match="cannot be written") as error:
        export()
    one_line(error)
    (left,) = tmp_path.iterdir()
    assert left.name == "copy" if failing == (2,) else str(left) in str(error.value)
    ae_jax.load_exported(left)


def test_an_export_that_fails_leaves_nothing(made, tmp_path, monkeypatch):
    def full(folder, *rest):
        (folder / "half").write_text("")
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(WRITERS, "stablehlo", lambda run, said, folder: full(folder))
    with pytest.raises(CheckpointError, match="No space left") as error:
        made[0].export(tmp_path / "a", "stablehlo")
    one_line(error)
    assert list(tmp_path.iterdir()) == []


BAD = {
    "format": (ConfigError, {"format": "stablhlo"}, "did you mean 'stablehlo'?"),
    "few": (DataError, {"normal": X[:18]}, "18 examples are too few"),
    "images": (DataError, {"normal": X[:, :3]}, "images must be"),
    "rate": (ConfigError, {"normal": X, "false_alarms": 1.5}, "must be a number in (0, 1)"),
    "rate of nothing": (ConfigError, {"false_alarms": 7}, "false_alarms: must be a number"),
    "rate as text": (ConfigError, {"false_alarms": "a"}, "false_alarms: must be a number"),
    "labels": (ConfigError, {"labels": np.zeros(60)}, "labels: are those of `normal`"),
    "no format": (ConfigError, {"format": None}, "unknown format 'None'"),
    "list": (ConfigError, {"format": ["a"]}, "unknown format"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments_are_named_and_nothing_is_written(case, made, tmp_path):
    kind, options, said = BAD[case]
    with pytest.raises(kind) as error:
        made[0].export(tmp_path / "a", **{"format": "safetensors", **options})
    assert said in str(error.value)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("path", ["~nouser/x", None, 3, b"x"])
def test_a_path_that_is_none_is_named(path, made):
    for door in (lambda: made[0].export(path, "safetensors"), lambda: ae_jax.load_exported(path)):
        with pytest.raises(ConfigError) as error:
            door()
        one_line(error, str(path))


def test_choices_that_the_package_lacks_are_held_by_programs_alone(tmp_path, monkeypatch):
    def cube(p):
        return jnp.abs(p.x - p.x_hat) ** 3

    monkeypatch.setattr(registering, "_own", set())
    ae_jax.register("loss", "cube", cube)
    try:
        run = fit(X, {**SMALL, "loss": {"name": "cube"}})
        with pytest.raises(ConfigError) as error:
            run.export(tmp_path / "a", "safetensors")
        assert "loss 'cube'" in str(error.value) and "'stablehlo'" in str(error.value)
        assert not (tmp_path / "a").exists()
        run.export(tmp_path / "b", "stablehlo")
    finally:
        del registering.LOSSES["cube"]
    np.testing.assert_allclose(ae_jax.load_exported(tmp_path / "b").encode(X), run.encode(X), 1e-4)


@pytest.mark.parametrize("format", FORMATS)
def test_a_package_that_is_not_there_is_named(format, made, tmp_path, monkeypatch):
    needed = packages.NEEDS[format]._replace(writing=("no_such_package",))
    if format in OPENED:
        needed = needed._replace(reading=needed.writing)
    monkeypatch.setitem(packages.NEEDS, format, needed)
    doors = [lambda: made[0].export(tmp_path / "a", format)]
    doors += [lambda: ae_jax.load_exported(made[1] / format)] if format in OPENED else []
    for door in doors:
        with pytest.raises(ConfigError) as error:
            door()
        one_line(error, "no_such_package", "pip install 'ae_jax[")


@pytest.mark.parametrize("format", OPENED)
def test_doors_refuse_what_those_of_the_run_refuse(format, made):
    run, folder = made
    e = ae_jax.load_exported(folder / format)
    wrong = [X.astype(np.int64), UNIT * 2 - 1, X[:, :3], np.where(UNIT > 0.9, np.nan, UNIT), "x"]
    for x in wrong:
        for name in ("encode", "reconstruct", "score"):
            with pytest.raises(DataError) as ours:
                getattr(run, name)(x)
            with pytest.raises(DataError) as theirs:
                getattr(e, name)(x)
            assert str(ours.value) == str(theirs.value)
    with pytest.raises(DataError, match="codes"):
        e.decode(np.zeros((2, 3)))
