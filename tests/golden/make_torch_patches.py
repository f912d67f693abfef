"""The golden file of the patch transformer: PyTorch's own encoder layers, normalized first.

Run from the repository root, with PyTorch installed: `python tests/golden/make_torch_patches.py`.

patches.npz holds, for `batch()` and the parameters `numbers(<name>, shape)` of residual.py:
    code, output          [batch, code] and [batch, height, width, channels]
    grad/<parameter>      gradient of the mean squared error of the output, kernels as here
"""

from pathlib import Path

import numpy as np
import residual
import torch
from make_torch_residual import Parameters, dense
from torch import Tensor
from torch.func import functional_call

HERE = Path(__file__).parent
H, W, C = residual.SHAPE
P, D = residual.PATCH, residual.FEATURES
ROWS, COLUMNS = -(-H // P), -(-W // P)


def pointwise(p: Parameters, name: str, given: int, made: int) -> tuple[Tensor, Tensor]:
    """(weight [out, in], bias) of a 1x1 convolution."""
    return p(f"{name}/kernel", 1, 1, given, made)[0, 0].T, p(f"{name}/bias", made)


def norm(p: Parameters, name: str) -> tuple[Tensor, Tensor]:
    """(scale, bias)."""
    return p(f"{name}/scale", D), p(f"{name}/bias", D)


def block(p: Parameters, x: Tensor, name: str) -> Tensor:
    """TransformerEncoderLayer of x [batch, tokens, features]."""
    layer = torch.nn.TransformerEncoderLayer(
        D, residual.HEADS, 4 * D, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    ).double()
    given = {}
    for theirs, (weight, bias) in {
        "self_attn.in_proj_": pointwise(p, f"{name}/attention/layer_0", D, 3 * D),
        "self_attn.out_proj.": pointwise(p, f"{name}/attention/layer_1", D, D),
        "linear1.": pointwise(p, f"{name}/layer_0", D, 4 * D),
        "linear2.": pointwise(p, f"{name}/layer_1", 4 * D, D),
        "norm1.": norm(p, f"{name}/norm_0"),
        "norm2.": norm(p, f"{name}/norm_1"),
    }.items():
        given |= {f"{theirs}weight": weight, f"{theirs}bias": bias}
    return functional_call(layer, given, (x,))


def normed(p: Parameters, x: Tensor, name: str) -> Tensor:
    """LayerNorm."""
    return torch.nn.functional.layer_norm(x, (D,), *norm(p, name))


def encode(p: Parameters, x: Tensor) -> Tensor:
    """[batch, H, W, C] -> [batch, code]; the patches are cut by hand."""
    x = torch.nn.functional.pad(x, (0, 0, 0, COLUMNS * P - W, 0, ROWS * P - H))
    x = x.reshape(-1, ROWS, P, COLUMNS, P, C).permute(0, 1, 3, 2, 4, 5).flatten(3)
    x = x @ p("encoder/layer_0/kernel", P, P, C, D).reshape(-1, D) + p("encoder/layer_0/bias", D)
    x = (x + p("encoder/place", ROWS, COLUMNS, D)).flatten(1, 2)
    for i in range(residual.DEPTH):
        x = block(p, x, f"encoder/block_{i}")
    return dense(p, normed(p, x, "encoder/norm").mean(1), "encoder/code", residual.CODE)


def decode(p: Parameters, z: Tensor) -> Tensor:
    """[batch, code] -> [batch, H, W, C]; the patches are put together by hand."""
    x = dense(p, z, "decoder/first", ROWS * COLUMNS * D).reshape(len(z), -1, D)
    for i in range(residual.DEPTH):
        x = block(p, x, f"decoder/block_{i}")
    kernel = p("decoder/last/kernel", P, P, D, C).permute(2, 0, 1, 3).reshape(D, -1)
    x = (normed(p, x, "decoder/norm") @ kernel).reshape(-1, ROWS, COLUMNS, P, P, C)
    x = x.permute(0, 1, 3, 2, 4, 5).reshape(-1, ROWS * P, COLUMNS * P, C)
    return (x + p("decoder/last/bias", C))[:, :H, :W]


def main() -> None:
    """Makes patches.npz."""
    torch.set_num_threads(1)
    p = Parameters()
    x = torch.from_numpy(residual.batch()).double()
    code = encode(p, x)
    output = decode(p, code)
    (output - x).square().mean().backward()
    kept = {"code": code, "output": output}
    kept |= {f"grad/{name}": leaf.grad for name, leaf in p.taken.items() if leaf.grad is not None}
    arrays = {name: np.float32(value.detach().numpy()) for name, value in kept.items()}
    np.savez_compressed(HERE / "patches.npz", **arrays)


if __name__ == "__main__":
    main()
