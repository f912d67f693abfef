"""How the weights of the package are made, and what is measured of them."""

import json

import numpy as np
import pytest

import ae_jax
from ae_jax import from_arrays
from ae_jax.export import artefact
from experiments import tables
from experiments.measuring import fine_tuning, recommended
from experiments.running import session, weights

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8)).astype(np.uint8)
QUICK = {"train.epochs": 1, "train.batch_size": 8, "model.code_size": 3}


@pytest.mark.slow
def test_what_is_packed_is_not_made_again_and_what_a_kill_ended_goes_on(
    tmp_path, monkeypatch, capsys
):
    data = from_arrays(IMAGES, IMAGES[:12])
    known = {"linear": ("linear", QUICK), "denoise": ("denoise", {**QUICK, "model.code_size": 101})}
    for module in (recommended, weights):
        monkeypatch.setattr(module, "WEIGHTS", known)
    made, work, file = tmp_path / "made", tmp_path / "work", tmp_path / "weights.json"
    args = data, made, work, file
    trained, real = [], session.train

    def train(s, *rest, **options):
        trained.append(s.config.name)
        if trained == ["linear", "denoise"]:
            raise KeyboardInterrupt
        return real(s, *rest, **options)

    monkeypatch.setattr(session, "train", train)
    with pytest.raises(KeyboardInterrupt):
        weights.make(["linear", "denoise"], *args)
    (first,) = made.iterdir()
    before = (first / artefact.DESCRIPTION).read_bytes()
    assert [row["name"] for row in json.loads(file.read_text())["rows"]] == ["linear"]
    assert weights.make(["linear", "denoise"], *args) == 0
    assert trained == ["linear", "denoise", "denoise"]
    assert (first / artefact.DESCRIPTION).read_bytes() == before
    rows = {row["name"]: row for row in json.loads(file.read_text())["rows"]}
    for name, row in rows.items():
        e = ae_jax.load_exported(made / name)
        x = IMAGES[:12, ..., None] / 255.0
        mse = np.square(x - e.reconstruct(IMAGES[:12])).mean()
        assert mse == pytest.approx(row["test"]["mse"], rel=1e-4), "of the rounded weights"
        assert e.params_sha256 == row["params_sha256"]
    assert (e.run.code_mean is None) and ae_jax.load_exported(first).run.code_mean is not None
    assert ("denoise" in rows["denoise"], "denoise" in rows["linear"]) == (True, False)
    # Another config is trained anew, in a work directory that is free.
    other = {**known, "linear": ("linear", {**QUICK, "train.epochs": 2})}
    for module in (recommended, weights):
        monkeypatch.setattr(module, "WEIGHTS", other)
    assert weights.make(["linear"], data, made, tmp_path / "other", file) == 0
    assert artefact.read(first)[1]["config"]["train"]["epochs"] == 2
    assert "is there already" in capsys.readouterr().out


def test_the_rate_is_that_of_the_lowest_error_and_the_epochs_those_that_reach_it():
    curves = np.array([[9.0, 5.0, 3.0, 3.5], [8.0, 6.0, 2.5, 2.0], [np.nan, 1.0, 9.0, 9.0]])
    curves = np.nan_to_num(curves, nan=99.0)
    tried = fine_tuning.Tried((0.1, 0.2, 0.3), curves)
    assert tried.best(1) == (0.2, 8.0)
    assert tried.best(3) == (0.2, 2.5)
    assert tried.reaching(3.0) == (0.3, 2)
    assert tried.reaching(8.0) == (0.2, 1)
    assert tried.reaching(0.5)[1] == fine_tuning.NEVER


def test_images_to_choose_by_are_others_than_those_to_train_on():
    every = np.arange(2000, dtype=np.uint16).view(np.uint8).reshape(2000, 1, 2, 1)
    data = fine_tuning.drawn(from_arrays(every, every[:5]), 3)
    numbers = [
        set(part.images.reshape(-1, 2).copy().view(np.uint16).ravel().tolist())
        for part in (data.train, data.valid)
    ]
    assert [len(part) for part in numbers] == [500, 1000]
    assert not numbers[0] & numbers[1]
    again, other = (fine_tuning.drawn(from_arrays(every, every[:5]), seed) for seed in (3, 4))
    assert (again.train.images == data.train.images).all()
    assert (other.train.images != data.train.images).any()
    with pytest.raises(ae_jax.DataError, match="1500 are needed"):
        fine_tuning.drawn(from_arrays(every[:900], every[:5]), 0)


def seed(on, anew, epochs):
    errors = {"fine-tuned": on, "anew": anew, "as they are": 0.5, "PCA": 0.1}
    errors |= {"anew, longer": 0.1} if epochs < fine_tuning.NEVER else {}
    rates = {"fine-tuned": 0.01, "anew": 0.03, "anew, longer": 0.01}
    return {"test mse": errors, "rates": rates, "epochs": epochs, "date": "2026-01-02"}


def test_a_row_says_whether_the_claim_holds_and_by_how_much():
    by_seed = {"0": seed(0.1, 0.3, 20), "1": seed(0.2, 0.1, fine_tuning.NEVER)}
    row = fine_tuning.summary("conv_strided", by_seed)
    assert row["holds"] == 1 and row["anew_epochs"] == [20, fine_tuning.NEVER]
    assert row["mean"]["fine-tuned"] == pytest.approx(0.15)
    assert row["std"]["fine-tuned"] == pytest.approx(0.1 / 2**0.5)
    assert "anew, longer" not in row["mean"], "not all seeds have it"
    said = fine_tuning.sentence(row)
    assert "lower in 1 of 2 seeds" in said and "20, more than 200 epochs" in said
    where = {"date": "2026-01-02", "machine": {"cpu": "a", "cores": 2}}
    where["versions"] = {"python": "3", "jax": "0"}
    named = {**row, "name": "conv_strided", "measured": {"run": {"by_seed": by_seed}}}
    page = tables.fine_tuned({**where, "rows": [named]})
    assert "| `conv_strided`, anew | 5 | 0.03 | 0.2000 ± 0.1 |" in page and said in page


def test_the_protocol_has_the_weights(monkeypatch):
    first = fine_tuning.protocol("conv_strided")
    assert first["config"]["optim.schedule"] == "constant"
    run = ae_jax.pretrained("conv_strided")
    params = {**run.variables["params"], "more": np.zeros(1)}
    other = run._replace(variables={**run.variables, "params": params})
    monkeypatch.setattr(ae_jax, "pretrained", lambda name: other, raising=False)
    assert fine_tuning.protocol("conv_strided")["weights"] != first["weights"]
