"""The module of PyTorch says what the run says, has its gradients, and reads like Python."""

import ast
import hashlib
import re
import shutil
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ae_jax
from ae_jax.errors import ConfigError
from ae_jax.export import weights
from ae_jax.export.pytorch import writing
from ae_jax.model import pipeline, units
from ae_jax.model.bottleneck.base import Bottleneck
from ae_jax.model.compiled import once
from ae_jax.resolve import registering
from ae_jax.resolve.config import resolve
from ae_jax.run import exporting
from ae_jax.run.ready import ready
from ae_jax.run.trained import Run
from tests.export.opening import opened
from tests.export.runs import FORMATS, check_equal, results, run_of
from tests.export.test_round_trip import networks
from tests.run.doors import KEY, SMALL, X, one_line

SLOW = ("conv_strided", "counts", "sparse_top_k", "vq")  # of each kind one
PATHS = [
    pytest.param(p, marks=pytest.mark.slow if p in SLOW else pytest.mark.long) for p in networks()
]
needs_torch = pytest.mark.skipif("torch" not in FORMATS, reason="needs the extra torch")


@needs_torch
@pytest.mark.parametrize("path", PATHS)
def test_a_config_says_the_same_in_torch(path, tmp_path):
    run, x, labels = run_of(path)
    folder = run.export(tmp_path / "a", "torch", normal=x, labels=labels)
    check_text(folder / "network.py")
    theirs, z = opened(folder, run), run.encode(x)
    check_equal(results(run, x, z, labels), results(theirs, x, z, labels))
    check_gradients(run, theirs.network, x, labels)


def check_text(file):
    """As ruff writes it, and without what ruff finds."""
    for command in (["format", "--check"], ["check", "--select=E,F,I,UP,B,SIM,RUF,D1"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--isolated", "--line-length=88", file]
        done = subprocess.run(ruff, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def check_gradients(run, network, x, labels):
    """Those of the score, by every weight, to 1e-4 of the largest."""
    import torch

    x = run.door.checked("images", x)[:20]
    x = x / np.float32(255) if x.dtype == np.uint8 else x
    told = () if labels is None else (np.asarray(labels[:20], np.int32),)

    def loss(params):
        return units.score(run.model, {**run.variables, "params": params}, x, *told).sum()

    ours = weights.named(once(jax.grad(loss))(run.variables["params"]))
    network.score(*map(torch.tensor, (x, *told))).sum().backward()
    most = max(np.abs(g).max() for g in ours.values())
    theirs = {name: p.grad for name, p in network.named_parameters()}
    assert most > 0 and theirs
    for name, ours_g in ours.items():
        grad = theirs.pop(name.replace("/", "_"), None)
        theirs_g = np.zeros_like(ours_g) if grad is None else grad.numpy()
        gap, size = np.abs(ours_g - theirs_g).max(), np.abs(ours_g).max()
        assert gap <= 1e-4 * max(size, 1e-3 * most), (name, gap, size, most)
    assert not theirs


def text_of(run, normal=None):
    """What would be written of a run, without PyTorch."""
    found = None if normal is None else exporting.threshold(run, normal, None, 0.1)
    said = exporting.described(run, "torch", found)
    return writing.written(run.model, run.variables, said)


def test_a_module_reads_like_python(made, tmp_path):
    run, _ = made
    text, content = text_of(run, X)
    file = tmp_path / "network.py"
    for written in (text, text_of(run)[0]):
        file.write_text(written)
        check_text(file)
    assert f'SHA256 = "{hashlib.sha256(content).hexdigest()}"' in text
    assert BODY in text
    facts = re.sub(r" +", " ", ast.get_docstring(ast.parse(text)))
    for fact in ("config unnamed\n", "examples [n, 8, 6, 1], images", "codes [n, 4]\n"):
        assert fact in facts
    assert f"THRESHOLD = {exporting.threshold(run, X, None, 0.1).score!r}\n" in text


BODY = '''
    def encode(self, x: Tensor) -> Tensor:
        """Examples [n, 8, 6, 1] -> codes [n, 4]."""
        x = unit(x)
        h = x.flatten(1) @ self.encoder_layer_0_kernel  # [n, 4]
        return h + self.encoder_layer_0_bias

    def decode(self, z: Tensor) -> Tensor:
        """Codes [n, 4] -> examples [n, 8, 6, 1]."""
        h = z @ self.decoder_layer_0_kernel + self.decoder_layer_0_bias  # [n, 48]
        return h.reshape(-1, 8, 6, 1)
'''


def test_names_of_users_are_literals_alone(tmp_path):
    bad = ['""" + exit() + """', "a'b", 'a"b', "a'\"b\\", "\n#\u202e", "$facts"]
    rows = np.random.default_rng(0).normal(size=(60, len(bad)))
    labels = np.array(bad)[np.arange(60) % len(bad)]
    data = ae_jax.from_arrays(rows, rows, labels, labels, columns=bad)
    config = {**SMALL, "model": {"code_size": 2, "classes": len(bad)}}
    config, scaled = ready(resolve({**config, "decoder": {"output": "linear"}}), data)
    model = pipeline.build(config, scaled.train.images.shape[1:])
    run = Run(
        config.replace(name='"""\nexit()'), model, model.init(KEY, scaled.train.images[0]), {}
    )
    run = run._replace(scaler=scaled.scaler)
    text, _ = text_of(run._replace(label_names=data.label_names))
    tree = ast.parse(text)
    values = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple)
    }
    assert values == {"CLASSES": tuple(data.label_names), "COLUMNS": tuple(bad)}
    assert [type(n).__name__ for n in tree.body].count("Expr") == 1, "the docstring alone"
    (tmp_path / "network.py").write_text(text)
    check_text(tmp_path / "network.py")


@needs_torch
@pytest.mark.parametrize("n", [0, 1, 3, 700])
def test_any_number_of_examples(n, made):
    run, folder = made
    network = opened(folder / "torch", run)
    x = np.tile(X, (12, 1, 1, 1))[:n]
    z = run.encode(x)
    check_equal(results(run, x, z, None), results(network, x, z, None))
    check_equal({"unit": run.encode(x / 255)}, {"unit": network.encode(np.float32(x / 255))})


@needs_torch
def test_nothing_of_an_artefact_is_executed(made):
    folder = made[1] / "torch"
    with pytest.raises(ConfigError, match="is opened by PyTorch") as error:
        ae_jax.load_exported(folder)
    assert "from network import Network; network = Network.from_file()" in str(error.value)


ALONE = """
import sys, torch
from network import Network, THRESHOLD
x = torch.rand(5, 8, 6, 1)
print(Network.from_file()(x).shape == x.shape)
print([m for m in sys.modules if m.startswith(("jax", "ae_jax", "flax", "optax"))])
"""


@pytest.mark.slow
@needs_torch
def test_a_module_needs_torch_and_safetensors_alone(made, tmp_path):
    copy = shutil.copytree(made[1] / "torch", tmp_path / "copy")
    said = {}
    for name, command in (("alone", ["-c", ALONE]), ("summary", ["network.py"])):
        done = subprocess.run([sys.executable, *command], cwd=copy, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        said[name] = done.stdout
    assert said["alone"] == "True\n[]\n"
    assert "config     unnamed" in said["summary"] and "parameters" in said["summary"]


@needs_torch
def test_weights_that_changed_are_refused_unless_they_are_named(made, tmp_path):
    import torch
    from safetensors.torch import save_file

    run, folder = made
    copy = shutil.copytree(folder / "torch", tmp_path / "copy")
    network = opened(copy, run).network
    x = torch.tensor(X)
    before = network.score(x).sum()
    before.backward()
    with torch.no_grad():
        for p in network.parameters():
            p -= 1e-6 * p.grad
    assert network.score(x).sum() < before
    save_file(network.state_dict(), copy / "trained.safetensors")
    again = type(network).from_file(copy / "trained.safetensors")
    assert torch.equal(again.score(x), network.score(x))
    shutil.copy(copy / "trained.safetensors", copy / "network.safetensors")
    with pytest.raises(ValueError, match=r"network\.safetensors: is damaged"):
        type(network).from_file()


@needs_torch
def test_a_module_that_says_something_else_is_refused(made, tmp_path, monkeypatch):
    monkeypatch.setitem(writing.MOST, "float32", -1.0)
    with pytest.raises(ConfigError, match="cannot hold 'unnamed': encode: is off by"):
        made[0].export(tmp_path / "a", "torch")
    assert list(tmp_path.iterdir()) == []


class Wave(Bottleneck):
    def __call__(self, h, key, train):
        return jnp.sinh(h / 3) + jnp.arctan2(h, 1.0 + h[:, :1]), None


class Twice(Bottleneck):
    def __call__(self, h, key, train):
        return jax.lax.fori_loop(0, h.shape[0], lambda i, v: v + 1, h), None


class Gamma(Bottleneck):
    def __call__(self, h, key, train):
        return jax.lax.igamma(1.0 + h * h, 1.0 + h * h), None


@pytest.fixture
def own(monkeypatch):
    """A run, not trained, with a bottleneck of the user's own."""
    monkeypatch.setattr(registering, "_own", set())

    def made(bottleneck):
        ae_jax.register("bottleneck", "own", bottleneck)
        config = resolve({**SMALL, "bottleneck": {"name": "own"}})
        model = pipeline.build(config, X.shape[1:])
        return Run(config, model, model.init(KEY), {})

    yield made
    registering.BOTTLENECKS.pop("own", None)


@needs_torch
def test_choices_of_users_come_along(own, tmp_path):
    run = own(Wave)
    theirs = opened(run.export(tmp_path / "a", "torch"), run)
    check_equal(results(run, X, run.encode(X), None), results(theirs, X, run.encode(X), None))


@pytest.mark.parametrize(("bottleneck", "step"), [(Twice, "while"), (Gamma, "igamma")])
def test_what_pytorch_lacks_is_named(bottleneck, step, own, tmp_path):
    run = own(bottleneck)
    said = exporting.described(run, "torch", None)
    with pytest.raises(ConfigError) as error:
        writing.write(tmp_path, run.model, run.variables, said)
    one_line(error, "format: 'torch' cannot hold 'unnamed'", f"the step '{step}'")
    assert list(tmp_path.iterdir()) == []
