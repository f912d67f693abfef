"""The golden file of the residual network: PyTorch's layers, put together as its docstrings say.

Run from the repository root, with PyTorch installed: `python tests/golden/make_torch_residual.py`.

residual.npz holds, for `batch()` and the parameters `numbers(<name>, shape)` of residual.py:
    code, output          [batch, code] and [batch, height, width, channels]
    grad/<parameter>      gradient of the mean squared error of the output, kernels as here
"""

from pathlib import Path

import numpy as np
import residual
import torch
import torch.nn.functional as nn
from torch import Tensor

HERE = Path(__file__).parent


class Parameters:
    """float64, drawn when a layer first asks; `taken` is what there is by name."""

    def __init__(self) -> None:
        self.taken: dict[str, Tensor] = {}

    def __call__(self, name: str, *shape: int) -> Tensor:
        """The parameter of that name."""
        drawn = torch.from_numpy(residual.numbers(name, shape)).double()
        self.taken[name] = drawn.requires_grad_()
        return drawn


def conv(p: Parameters, x: Tensor, name: str, features: int, k: int, stride: int = 1) -> Tensor:
    """Conv2d with zeros around the image; x [batch, channels, H, W]."""
    weight = p(f"{name}/kernel", k, k, x.shape[1], features).permute(3, 2, 0, 1)
    return nn.conv2d(x, weight, p(f"{name}/bias", features), stride, k // 2)


def norm(p: Parameters, x: Tensor, name: str, active: bool = True) -> Tensor:
    """GroupNorm, and SiLU."""
    scale, bias = (p(f"{name}/group/{leaf}", x.shape[1]) for leaf in ("scale", "bias"))
    x = nn.group_norm(x, residual.GROUPS, scale, bias)
    return nn.silu(x) if active else x


def block(p: Parameters, x: Tensor, name: str, features: int) -> Tensor:
    """What a block makes of x."""
    y = conv(p, norm(p, x, f"{name}/norm_0"), f"{name}/layer_0", features, 3)
    y = conv(p, norm(p, y, f"{name}/norm_1"), f"{name}/layer_1", features, 3)
    same = x.shape[1] == features
    return y + (x if same else conv(p, x, f"{name}/skip", features, 1))


def attention(p: Parameters, x: Tensor, name: str) -> Tensor:
    """All pixels attend to all."""
    c = x.shape[1]
    y = conv(p, norm(p, x, f"{name}/norm", active=False), f"{name}/layer_0", 3 * c, 1)
    q, k, v = (part.flatten(2).transpose(1, 2) for part in y.chunk(3, dim=1))
    y = nn.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape)
    return x + conv(p, y, f"{name}/layer_1", c, 1)


def dense(p: Parameters, x: Tensor, name: str, features: int) -> Tensor:
    """Linear."""
    return x @ p(f"{name}/kernel", x.shape[1], features) + p(f"{name}/bias", features)


def encode(p: Parameters, x: Tensor) -> Tensor:
    """[batch, channels, H, W] -> [batch, code]."""
    x = conv(p, x, "encoder/layer_0", residual.CHANNELS[0], 3)
    for i, c in enumerate(residual.CHANNELS):
        for j in range(residual.BLOCKS):
            x = block(p, x, f"encoder/block_{i}_{j}", c)
        x = conv(p, x, f"encoder/down_{i}", c, 3, stride=2)
    x = norm(p, attention(p, x, "encoder/attention"), "encoder/norm")
    return dense(p, x.permute(0, 2, 3, 1).flatten(1), "encoder/code", residual.CODE)


def decode(p: Parameters, z: Tensor) -> Tensor:
    """[batch, code] -> [batch, channels, H, W]."""
    height, width, colors = residual.SHAPE
    channels = residual.CHANNELS[::-1]
    grid = (-(-height // 4), -(-width // 4), channels[0])
    x = dense(p, z, "decoder/first", int(np.prod(grid))).reshape(-1, *grid).permute(0, 3, 1, 2)
    x = attention(p, x, "decoder/attention")
    for i, c in enumerate(channels):
        x = conv(p, nn.interpolate(x, scale_factor=2, mode="nearest"), f"decoder/up_{i}", c, 3)
        for j in range(residual.BLOCKS):
            x = block(p, x, f"decoder/block_{i}_{j}", c)
    x = conv(p, norm(p, x, "decoder/norm"), "decoder/last", colors, 3)
    return x[:, :, :height, :width]


def main() -> None:
    """Makes residual.npz."""
    torch.set_num_threads(1)
    p = Parameters()
    x = torch.from_numpy(residual.batch()).double().permute(0, 3, 1, 2)
    code = encode(p, x)
    output = decode(p, code)
    (output - x).square().mean().backward()
    kept = {"code": code, "output": output.permute(0, 2, 3, 1)}
    kept |= {f"grad/{name}": leaf.grad for name, leaf in p.taken.items() if leaf.grad is not None}
    arrays = {name: np.float32(value.detach().numpy()) for name, value in kept.items()}
    np.savez_compressed(HERE / "residual.npz", **arrays)


if __name__ == "__main__":
    main()
