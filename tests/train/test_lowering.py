"""The training step of every config becomes a program for GPUs and TPUs; no test needs one."""

import re

import jax
import jax.numpy as jnp
import pytest

from ae_jax.model import platform
from ae_jax.model.networks import DECODERS, ENCODERS
from ae_jax.resolve.config import load_config
from ae_jax.run.ready import ready
from ae_jax.streams import stream
from ae_jax.train import loop, setup
from tests.resolve.small import ALL_VARIANTS, CONFIGS, small

ACCELERATORS = ("cuda", "tpu")
QUICK = (
    *("undercomplete", "conv_strided:batchnorm", "contractive_hessian:first_order"),
    *("tabular_anomaly", "vae:iwae", "vq", "sparse_top_k:revive", "least_volume"),
)


def step_of(path):
    """(the trainer of a config, its compiled loop of steps, shapes of what it takes)."""
    trainer, data = trainer_of(*small(path))
    size, key = trainer.config.train.batch_size, jax.eval_shape(lambda: jax.random.key(0))
    labels = data.labels if trainer.model.conditional else None
    arrays = jax.tree.map(lambda v: jax.ShapeDtypeStruct(v.shape, v.dtype), (data.images, labels))
    carry = loop.Carry(trainer.abstract(), jax.eval_shape(trainer.metrics))
    order = jax.ShapeDtypeStruct((trainer.n_train,), jnp.int32)
    bound = jax.ShapeDtypeStruct((), jnp.int32)
    args = (carry, *arrays, order, bound, bound, jax.eval_shape(lambda k: stream(k, "noise"), key))
    return trainer, lambda *args: loop.run_steps(trainer, size, *args), args


def trainer_of(config, data):
    """Of a config and the data that it is for, whose scale and columns are settled."""
    config, data = ready(config, data)
    shape, n = data.train.images.shape[1:], len(data.train.images)
    return setup.prepare(config, shape, n), data.train


def lowered(step, args, platforms):
    """The text of the program for these platforms."""
    with platform.traced_for(platforms[0]):
        made = jax.export.export(jax.jit(lambda *args: step(*args)), platforms=platforms)(*args)
    assert made.platforms == platforms
    return made.mlir_module()


def count(program):
    """XLA's own convolutions in it."""
    return len(re.findall(r"= stablehlo\.convolution", program))


def marks(path):
    return () if path in QUICK else pytest.mark.long


@pytest.mark.parametrize("path", [pytest.param(p, marks=marks(p)) for p in CONFIGS + ALL_VARIANTS])
def test_the_step_lowers_for_accelerators_with_their_own_convolutions(path):
    trainer, step, args = step_of(path)
    c, found = trainer.config, count(lowered(step, args, ACCELERATORS))
    convolve = [ENCODERS[c.encoder.name].convolves, DECODERS[c.decoder.name].convolves]
    least = 3 * sum(convolve)  # forward, and a gradient for the images and one for the kernel
    assert found >= least and (found > 0) == any(convolve)


def test_on_cpus_a_convolution_is_a_matrix_product():
    _, step, args = step_of("conv_strided")
    assert count(lowered(step, args, ("cpu",))) == 0


def test_a_step_that_no_accelerator_has_is_found():
    """General eigenvalues: XLA computes them on CPUs alone."""
    x = jax.ShapeDtypeStruct((3, 3), jnp.float32)
    with pytest.raises(NotImplementedError):
        lowered(jnp.linalg.eigvals, (x,), ("tpu",))


def test_what_is_traced_for_another_machine_is_for_it_alone():
    assert platform.on_cpu()
    with platform.traced_for("tpu"):
        assert not platform.on_cpu()
        with platform.traced_for("cpu"):
            assert platform.on_cpu()
        assert not platform.on_cpu()
    assert platform.on_cpu()


def test_there_are_such_configs():
    assert set(QUICK) <= {*CONFIGS, *ALL_VARIANTS}
    assert load_config("conv_strided").encoder.name == "conv_strided"
