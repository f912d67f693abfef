"""The bench: operations by hand and by PyTorch's counter, equal networks, turns, medians."""

import json
import math
import multiprocessing
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_jax.errors import ConfigError
from ae_jax.objective.contractive import jacobian
from ae_jax.resolve import config
from ae_jax.train import setup
from experiments import bench
from experiments.benchmarks import flops, memory, subjects
from experiments.benchmarks import rows as bench_rows
from experiments.benchmarks.turns import Pace, compared, interleave
from experiments.measuring import published

# PyTorch's own, at imports it puts off until they are needed.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning"),
]
ROOT = Path(__file__).parents[2]
# As published, except 'contractive', which is 'undercomplete' with a penalty.
PARAMETERS = {
    "linear": 50_176,
    "undercomplete": 47_854,
    "denoise": 785_284,
    "dropout": 468_368,
    "dense": 457_370,
    "conv_pool": 359_263,
    "deep": 220_066,
    "conv_strided": 210_369,
    "conv_strided:batchnorm": 210_561,
    "vae": 652_824,
    "contractive": 47_854,
}


@pytest.fixture
def torch_side():
    """PyTorch's side of the bench."""
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install -e '.[bench]'")
    return bench_rows.load_torch()


def model_of(name):
    subject = subjects.TRAINED[name]
    resolved = config.load_config(subject.config, **subject.overrides)
    return setup.prepare(resolved, subject.shape or (28, 28, 1), 1000).model


def parameters_of(model):
    return jax.eval_shape(model.init, jax.random.key(0), jnp.zeros(model.shape))["params"]


def test_the_rows_are_the_published_networks():
    assert set(bench.select(["train"])) == set(PARAMETERS)
    for name, count in PARAMETERS.items():
        assert sum(p.size for p in jax.tree.leaves(parameters_of(model_of(name)))) == count, name


@pytest.mark.slow
def test_pytorch_has_the_same_parameters(torch_side):
    assert set(torch_side.NETWORKS) == set(subjects.TRAINED)
    for name in subjects.TRAINED:
        leaves = torch_side.parameters(torch_side.network(name))
        ours = jax.tree.leaves(parameters_of(model_of(name)))
        assert sorted(p.numel() for p in leaves) == sorted(p.size for p in ours), name


def test_operations_by_hand():
    dense = [784 * 250, 250 * 16, 16 * 320, 320 * 784]
    assert flops.layer_products(model_of("dense")) == dense
    first = 784 * 250  # whose input needs no gradient
    assert flops.step_flops(model_of("dense"), 200) == 2 * 200 * (3 * sum(dense) - first)
    strided = [14 * 14 * 9 * 16, 7 * 7 * 9 * 16 * 32, 7 * 7 * 32 * 64]
    assert flops.layer_products(model_of("conv_strided")) == [*strided, *strided[::-1]]
    pooled = [28 * 28 * 25 * 4, 14 * 14 * 25 * 4 * 8, 392 * 150, 150 * 16]
    pooled += [16 * 120, 120 * 320, 320 * 784]
    pooled += [14 * 14 * 25 * 16 * 8, 28 * 28 * 36 * 8 * 4, 28 * 28 * 49 * 4]
    assert flops.layer_products(model_of("conv_pool")) == pooled


@pytest.mark.long
def test_our_side_trains_what_the_source_trains():
    """PyTorch's side is the source's: ReLU, Adam without a schedule."""
    side = subjects.images_of(subjects.PUBLISHED["conv_pool"])[0]
    assert (side.encoder.activation, side.optim.schedule) == ("relu", "constant")
    assert side.train.batch_size == 200
    assert published.sourced("conv_strided:batchnorm") == "conv_strided:batchnorm,published"
    assert published.sourced("contractive") == "contractive"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(subjects.TRAINED))
def test_operations_are_those_pytorch_counts(torch_side, name):
    from torch.utils.flop_counter import FlopCounterMode

    subject = subjects.TRAINED[name]
    side = config.load_config(subject.config, **{**subject.overrides, "train.batch_size": 4})
    x = bench_rows.tensor(torch_side, subject.images(4), side)
    steps = torch_side.train(torch_side.network(name), torch_side.LOSSES[name], side, x)
    with FlopCounterMode(display=False) as counter:
        next(steps)
    counted = counter.get_total_flops()
    ours = flops.step_flops(model_of(name), 4)
    assert counted == pytest.approx(ours, rel=2e-3 if name == "contractive" else 0), name


@pytest.mark.slow
def test_every_way_to_the_penalty_gives_the_same_number(torch_side):
    network = torch_side.network("contractive")
    x = bench_rows.tensor(torch_side, subjects.digits(8), config.load_config("contractive"))
    kernel, bias = (p.detach().numpy() for p in network[0].parameters())
    layer = {"kernel": jnp.asarray(kernel.T), "bias": jnp.asarray(bias)}
    model = model_of("contractive")
    J = jacobian(model, {"params": {"encoder": {"layer_0": layer}}})
    ours = float(jnp.mean(J.squared(J.of(jnp.asarray(x.numpy()).reshape(8, 28, 28, 1)))))
    for method in (*torch_side.PENALTIES.values(), torch_side.closed_form):
        assert method(network[0], x, network[0](x)).item() == pytest.approx(ours, rel=1e-5), method


@pytest.mark.slow
def test_compiled_pytorch_trains_the_same(torch_side):
    """One and the same weights and images: with torch.compile the losses are those without."""
    if not torch_side.compiles():
        pytest.skip("torch.compile needs a C++ compiler")
    resolved, images = subjects.images_of(subjects.TRAINED["rows:100"], {"train.batch_size": 100})
    x = bench_rows.tensor(torch_side, images[:200], resolved)
    losses = {}
    for compiled in (False, True):
        torch_side.torch.manual_seed(0)
        network, loss = torch_side.network("rows:100"), torch_side.LOSSES["rows:100"]
        steps = torch_side.train(network, loss, resolved, x, compiled)
        losses[compiled] = bench_rows.taking(20, steps)
    assert losses[True] == pytest.approx(losses[False], rel=1e-4)
    assert losses[True][-1] < 0.99 * losses[True][0]


def peaks():
    """The peak before a hundred million bytes are written to, with them, and afterwards."""
    before = memory.peak_mib()
    held = np.ones(100_000_000, np.uint8)
    with_them = memory.peak_mib()
    del held
    return before, with_them, memory.peak_mib()


def test_memory_is_that_of_a_process_of_its_own():
    """A hundred million bytes that are written to are seen; what was freed still counts.

    Linux notes the peak, when memory is freed, by counters that lag by some pages a core; rounded
    down to whole MiB that may be one less than was read before.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        before, with_them, after = process.submit(peaks).result()
    assert before + 90 < with_them <= after + 1 < before + 200


def test_sides_take_turns_and_rounds_hold_seconds_a_unit(monkeypatch):
    now, turns = [0.0], []
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def side(name, seconds):
        def work(n):
            turns.append(name)
            now[0] += seconds * n
            return [0.0] * n

        return work

    ticks = []
    pace = Pace(rounds=3, seconds=1.0, tick=lambda: ticks.append(1))
    measured = interleave({"ours": side("a", 0.01), "torch": side("b", 0.125)}, pace)
    assert turns[-6:] == ["a", "b"] * 3 and len(ticks) == 6
    assert measured["ours"] == pytest.approx([0.01] * 3)
    assert measured["torch"] == pytest.approx([0.125] * 3)
    # A side that does more than asked (whole chunks) is divided by what it did.
    whole = interleave({"ours": lambda n: side("a", 0.1)(7 * n)}, pace)
    assert whole["ours"] == pytest.approx([0.1] * 3)


def test_a_row_holds_medians_in_milliseconds():
    row = compared("x", {"ours": [0.002, 0.009, 0.001], "torch": [0.003, 0.005, 0.004]})
    assert (row["ours_ms"], row["torch_ms"], row["ratio"]) == (2.0, 4.0, 2.0)


def test_a_device_that_jax_does_not_use_is_refused():
    with pytest.raises(ConfigError, match="--device: is gpu, and JAX uses cpu"):
        bench.select(["linear"], "gpu")


def test_only_takes_names_and_kinds():
    assert bench.select([]) == list(bench.ROWS)
    assert bench.select(["start", "vae"]) == ["vae", "start:denoise", "start:conv_pool"]
    with pytest.raises(ConfigError, match="'denoisy'; did you mean 'denoise'"):
        bench.select(["denoisy"])


@pytest.mark.slow
def test_without_pytorch_the_command_ends_with_2(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('No module named torch')\n")
    done = subprocess.run(
        [sys.executable, "-m", "experiments.bench", f"--json={tmp_path / 'b.json'}"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stderr
    assert "pip install -e '.[bench]'" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "b.json").exists()


@pytest.mark.slow
def test_a_small_bench_from_end_to_end(torch_side, tmp_path, monkeypatch):
    monkeypatch.setattr(subjects, "N_IMAGES", 640)
    monkeypatch.setattr(bench_rows, "N_IMAGES", 640)
    monkeypatch.delitem(torch_side.PENALTIES, "jacfwd")  # seconds per step
    written = []
    names = ["linear", "encode:dense", "evaluate:dense", "penalty:784-30"]
    result = bench.measure(names, Pace(rounds=1, seconds=0.02), written.append)
    assert json.loads(json.dumps(result)) == written[-1] and len(written) == 4
    assert [row["name"] for row in result["rows"]] == names
    row = result["rows"][0]
    assert row["ratio"] == pytest.approx(row["torch_ms"] / row["ours_ms"], rel=1e-2)
    assert row["mflop"] == pytest.approx(2 * 32 * (3 * 2 - 1) * 784 * 32 / 1e6, rel=1e-4)
    assert row["gflops"] == pytest.approx(row["mflop"] / row["ours_ms"], rel=1e-2)
    # Twenty steps of the same training: the losses differ by the draw of the weights only.
    assert row["ours_loss"] == pytest.approx(row["torch_loss"], rel=0.1)
    assert result["geomeans"]["train"]["ratio"] == pytest.approx(row["ratio"])
    assert all(math.isfinite(row[f"{s}_ms"]) for row in result["rows"] for s in ("ours", "torch"))


@pytest.mark.slow
def test_both_sides_compute_the_same_metrics(torch_side):
    from ae_jax.data.arrays import Split
    from ae_jax.evaluate import metrics

    resolved, images = config.load_config("dense"), subjects.digits(50)
    trainer = setup.prepare(resolved, (28, 28, 1), 1000)
    state = trainer.init(jax.random.key(0), jnp.zeros((28, 28, 1)))
    network = torch_side.network("dense")
    layers = [m for half in network for m in half if hasattr(m, "weight")]
    params = state.params
    names = [("encoder", "layer_0"), ("encoder", "layer_1"), ("decoder", "layer_0")]
    for (half, name), layer in zip([*names, ("decoder", "layer_1")], layers, strict=True):
        weights = params[half][name]
        layer.weight.data = torch_side.torch.tensor(np.asarray(weights["kernel"]).T)
        layer.bias.data = torch_side.torch.tensor(np.asarray(weights["bias"]))
    ours = metrics.evaluator(trainer.objective, 20)(
        state.variables, Split(images, None), jax.random.key(1)
    )
    x = bench_rows.tensor(torch_side, images, resolved)
    theirs = torch_side.evaluate(network, x, 20)
    assert theirs["sse"] == pytest.approx(ours["sse"], rel=1e-4)
    assert theirs["bce"] == pytest.approx(ours["bce"], rel=1e-4)
