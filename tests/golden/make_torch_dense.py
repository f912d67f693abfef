"""The golden file of dense networks with layer norm and skips: PyTorch's, put together by hand.

Run from the repository root, with PyTorch installed: `python tests/golden/make_torch_dense.py`.

dense_normed.npz holds, for `batch()` and the parameters `numbers(<name>, shape)` of residual.py:
    code, output          [batch, code] and [batch, height, width, channels]
    grad/<parameter>      gradient of the mean squared error of the output, kernels as here
"""

from pathlib import Path

import numpy as np
import residual
import torch
import torch.nn.functional as nn
from make_torch_residual import Parameters, dense
from torch import Tensor

HERE = Path(__file__).parent


def stack(p: Parameters, x: Tensor, side: str, widths: tuple[int, ...], out: int) -> Tensor:
    """x [batch, in] through hidden layers, linear, norm, tanh and skip, to [batch, out]."""
    for i, width in enumerate(widths):
        scale, bias = (p(f"{side}/norm_{i}/{leaf}", width) for leaf in ("scale", "bias"))
        y = dense(p, x, f"{side}/layer_{i}", width)
        y = torch.tanh(nn.layer_norm(y, (width,), scale, bias))
        x = x + y if x.shape == y.shape else y
    return dense(p, x, f"{side}/layer_{len(widths)}", out)


def main() -> None:
    """Makes dense_normed.npz."""
    torch.set_num_threads(1)
    p = Parameters()
    x = torch.from_numpy(residual.batch()).double()
    code = stack(p, x.flatten(1), "encoder", residual.HIDDEN, residual.CODE)
    output = stack(p, code, "decoder", residual.HIDDEN[::-1], x[0].numel()).reshape(x.shape)
    (output - x).square().mean().backward()
    kept = {"code": code, "output": output}
    kept |= {f"grad/{name}": leaf.grad for name, leaf in p.taken.items() if leaf.grad is not None}
    arrays = {name: np.float32(value.detach().numpy()) for name, value in kept.items()}
    np.savez_compressed(HERE / "dense_normed.npz", **arrays)


if __name__ == "__main__":
    main()
