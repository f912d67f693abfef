"""Hidden dense layers with layer normalization and skips; pooling and upsampling of any size.

Truths: PyTorch's layers, by `tests/golden/make_torch_dense.py`; flax's pooling; the identity.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from ae_jax.errors import ConfigError
from ae_jax.model import pipeline
from ae_jax.model.compiled import once
from ae_jax.model.pipeline import Batch
from ae_jax.objective import contractive
from ae_jax.resolve.config import merge, resolve
from ae_jax.sweep import members
from tests.golden import in_jax, residual

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "dense_normed.npz")
BOTH = {"layer_norm": True, "skip": True}
NET = {
    "encoder": {"hidden": residual.HIDDEN, "activation": "tanh", **BOTH},
    "decoder": {"hidden": residual.HIDDEN[::-1], "activation": "tanh", **BOTH},
    "model": {"code_size": residual.CODE},
}


def built(raw, shape=residual.SHAPE, **changes):
    return pipeline.build(resolve(merge(raw, changes)), shape)


def test_codes_outputs_and_gradients_are_those_of_pytorch():
    model = built(NET)
    in_jax.check(model, GOLDEN)


def test_a_skip_around_nothing_is_the_identity():
    """Hidden layers with kernels of 0 leave what they are given; without skips nothing."""
    x = jnp.asarray(residual.batch())
    for skip in (True, False):
        model = built(NET, encoder={"hidden": (60, 60), "layer_norm": False, "skip": skip})
        params = jax.tree.map(lambda v: v, in_jax.drawn(model))
        for i in range(2):
            params["encoder"][f"layer_{i}"] = jax.tree.map(
                jnp.zeros_like, params["encoder"][f"layer_{i}"]
            )
        last = params["encoder"]["layer_2"]
        given = x.reshape(len(x), -1) if skip else jnp.zeros((len(x), 60))
        expected = given @ last["kernel"] + last["bias"][None]
        np.testing.assert_allclose(model.encode({"params": params}, x), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("fields", "holes"),
    [({"layer_norm": True}, False), ({"skip": True}, False), ({"layer_norm": True}, True)],
)
def test_the_jacobian_knows_of_them(fields, holes):
    """Fewer numbers in the code than pixels, and more; nothing of what was not observed."""
    for code, hidden in ((3, (6, 6)), (9, (9, 9))):
        raw = {
            "encoder": {"hidden": hidden, "activation": "tanh", **fields},
            "model": {"code_size": code},
            "data": {"missing": "mask" if holes else "refuse"},
        }
        model = built(raw, (1, 6, 1))
        assert not model.module.encoder.chain
        x = jax.random.uniform(jax.random.key(1), (4, 1, 6, 1))
        variables = once(model.init)(jax.random.key(0), x[0])
        seen = x.at[:, 0, 2].set(jnp.nan) if holes else x

        @in_jax.compiled
        def both(variables, seen, model=model):
            def of_one(image):
                return model.apply(variables, image[None], method="encode")[0]

            p = model.run(variables, Batch(seen), None)
            ours = contractive.contractive(p, model, variables, jax.random.key(2))
            return ours, jax.vmap(jax.jacfwd(of_one))(seen)

        found, J = both(variables, seen)
        J = np.asarray(J, np.float64)
        np.testing.assert_allclose(found, (J**2).sum((1, 2, 3, 4)), rtol=1e-5)
        assert holes == (J[:, :, 0, 2] == 0).all()


def test_without_them_a_config_and_its_parameters_are_what_they_were():
    plain = {"hidden": (7, 7), "layer_norm": False, "skip": False}
    config = resolve({"encoder": plain, "decoder": plain})
    assert not {"layer_norm", "skip"} & {*config.encoder.to_dict(), *config.decoder.to_dict()}
    pooled = {"encoder": {"name": "conv_pool"}, "decoder": {"name": "conv_pool"}}
    twos = merge(pooled, {"encoder": {"pool_size": 2}, "decoder": {"upsampling": 2}})
    assert resolve(twos).to_dict() == resolve(pooled).to_dict()


REFUSED = {
    r"encoder\.layer_norm: is of hidden layers": {"encoder": {"layer_norm": True}},
    r"decoder\.layer_norm: is of hidden layers": {
        "decoder": {"hidden": (3, 1), "layer_norm": True}
    },
    r"encoder\.layer_norm: must be False .* 'tied'": {
        "encoder": {"hidden": (4,), "layer_norm": True},
        "decoder": {"name": "tied"},
    },
    r"encoder\.skip: must be False .* 'tied'": {
        "encoder": {"hidden": (4, 4), "skip": True},
        "decoder": {"name": "tied"},
    },
    r"decoder\.skip: must be False with decoder\.spectral_norm": {
        "decoder": {"hidden": (4, 4), "skip": True, "spectral_norm": True}
    },
    r"encoder\.skip: no layer of encoder\.hidden is as wide .* \(60, 4\)": {
        "encoder": {"hidden": (4, 5), "skip": True}
    },
    r"decoder\.skip: no layer of decoder\.hidden is as wide": {"decoder": {"skip": True}},
    r"decoder\.upsampling: 2 times 4 makes 16 pixels for a side of 6": {
        "decoder": {"name": "conv_pool", "upsampling": 4}
    },
    r"encoder\.channels: 2 poolings leave nothing .*\n.*encoder\.pool_size": {
        "encoder": {"name": "conv_pool", "pool_size": 3}
    },
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_cannot_be_is_refused_by_name(said):
    with pytest.raises(ConfigError, match=said):
        jax.eval_shape(built(REFUSED[said]).init, jax.random.key(0))


def test_a_decoder_that_skips_by_the_code_size_is_not_cut_short():
    net = {"decoder": {"hidden": (4, 4)}}
    assert members.maskable(resolve(net))
    assert not members.maskable(resolve(merge(net, {"decoder": {"skip": True}})))


@pytest.mark.parametrize(("pool", "size"), [("max", 3), ("average", 3)])
def test_pooling_and_upsampling_are_those_of_flax(pool, size):
    """The networks of the same weights, of flax's convolutions and windows and NumPy's repeats."""
    shape, f = (10, 9, 1), nn.elu
    net = {
        "encoder": {
            "name": "conv_pool", "channels": (3, 2), "kernel": 3, "pool": pool,
            "pool_size": size, "hidden": (), "activation": "elu",
        },
        "decoder": {
            "name": "conv_pool", "channels": (3, 2), "kernels": (3, 5, 3), "hidden": (),
            "grid_channels": 2, "upsampling": size, "activation": "elu",
        },
        "model": {"code_size": 4},
    }  # fmt: skip
    model = built(net, shape)
    params = in_jax.drawn(model)
    x = jnp.asarray(residual.numbers("pooled", (3, *shape)))

    def conv(x, layer):
        k, features = layer["kernel"].shape[0], layer["kernel"].shape[-1]
        y = nn.Conv(features, (k, k), use_bias=False).apply(
            {"params": {"kernel": layer["kernel"]}}, x
        )
        return y + layer["bias"][None, None, None]

    def affine(x, layer):
        return x.reshape(len(x), -1) @ layer["kernel"] + layer["bias"][None]

    @in_jax.compiled
    def truth(params, x):
        window = nn.max_pool if pool == "max" else nn.avg_pool
        side, h = params["encoder"], x
        for i in range(2):
            h = window(f(conv(h, side[f"layer_{i}"])), (size, size), (size, size))
        code = affine(h, side["layer_2"])
        side, grid = params["decoder"], (-(-10 // size**2), -(-9 // size**2), 2)
        y = f(affine(code, side["layer_0"])).reshape(len(x), *grid)
        for i in (1, 2):
            large = jnp.repeat(jnp.repeat(y, size, axis=1), size, axis=2)
            y = f(conv(large, side[f"layer_{i}"]))
        return code, conv(y, side["layer_3"])[:, :10, :9]

    @in_jax.compiled
    def ours(params, x):
        code = model.encode({"params": params}, x)
        return code, model.decode({"params": params}, code)

    for found, expected in zip(ours(params, x), truth(params, x), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_signal_is_pooled_and_enlarged_along_its_length():
    sides = {"encoder": {"name": "conv_pool", "pool_size": 3, "channels": (2,), "hidden": ()}}
    sides["decoder"] = {"name": "conv_pool", "upsampling": 3, "channels": (2,), "hidden": ()}
    model = built(merge(sides, {"decoder": {"kernels": (3, 3)}}), (1, 9, 1))
    shapes = jax.eval_shape(model.init, jax.random.key(0))["params"]
    assert shapes["encoder"]["layer_1"]["kernel"].shape[0] == 3 * 2
    assert shapes["decoder"]["layer_0"]["kernel"].shape[1] == 3 * 16
