"""The golden file of signals: PyTorch's one-dimensional layers, and two networks made of them.

Run from the repository root, with PyTorch installed: `python tests/golden/make_torch_signals.py`.

signals.npz holds, for the layers and networks of signals.py (signals as [batch, length, channels],
kernels in the layout there):
    <layer>/<i>/y, /x, /kernel     y, and the gradients of <y, r> in x and kernel, where r is
                                   whole_numbers('<layer>/<i>/r', shape of y); poolings have no
                                   kernel
    <network>/code, /output        of `batch()`, BatchNorm in training mode
    <network>/grad/<parameter>     gradient of the mean squared error of the output
    <network>/stat/<side>/<norm>/mean, /var    running averages after this one batch
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import signals
import torch
import torch.nn.functional as nn
from signals import Layer
from torch import Tensor

HERE = Path(__file__).parent
Parameters = dict[str, Tensor]


def last(x: Tensor) -> Tensor:
    """[batch, channels, length] <-> [batch, length, channels]."""
    return x.transpose(1, 2)


def conv(x: Tensor, w: Tensor, layer: Layer) -> Tensor:
    """Conv1d; its weight is [out, in, k]."""
    return nn.conv1d(x, w.permute(2, 1, 0), stride=layer.stride, padding=layer.padding)


def same_conv(x: Tensor, w: Tensor, layer: Layer) -> Tensor:
    """Conv1d with padding='same'."""
    return nn.conv1d(x, w.permute(2, 1, 0), padding="same")


def conv_transpose(x: Tensor, w: Tensor, layer: Layer) -> Tensor:
    """ConvTranspose1d; its weight is [in, out, k]."""
    return nn.conv_transpose1d(
        x, w.permute(1, 2, 0), None, layer.stride, layer.padding, layer.extra
    )


def upsample_conv(x: Tensor, w: Tensor, layer: Layer) -> Tensor:
    """Upsample(mode='nearest') and Conv1d with padding='same'."""
    large = nn.interpolate(x, scale_factor=layer.stride, mode="nearest")
    return nn.conv1d(large, w.permute(2, 1, 0), padding="same")


def max_pool(x: Tensor, w: Tensor, layer: Layer) -> Tensor:
    """MaxPool1d."""
    return nn.max_pool1d(x, len(w))


def avg_pool(x: Tensor, w: Tensor, layer: Layer) -> Tensor:
    """AvgPool1d."""
    return nn.avg_pool1d(x, len(w))


MAPS: dict[str, Callable[[Tensor, Tensor, Layer], Tensor]] = {
    f.__name__: f for f in (conv, same_conv, conv_transpose, upsample_conv, max_pool, avg_pool)
}


def record_layer(name: str, layer: Layer, f: Callable[..., Tensor]) -> dict[str, np.ndarray]:
    """Value and gradients of one layer."""
    x, kernel = (torch.from_numpy(v).requires_grad_() for v in signals.layer_inputs(name, layer))
    y = last(f(last(x), kernel, layer))
    r = torch.from_numpy(signals.whole_numbers(f"{name}/r", tuple(y.shape)))
    (y * r).sum().backward()
    seen = {f"{name}/y": y, f"{name}/x": x.grad, f"{name}/kernel": kernel.grad}
    return {key: value.detach().numpy() for key, value in seen.items() if value is not None}


class Network:
    """The parameters and running averages of a network, and its layers by name."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.statistics: Parameters = {}

    def kernel(self, layer: str) -> Tensor:
        """[k, in, out] of a convolution, [in, out] of a dense layer."""
        kernel = self.parameters[f"{layer}/kernel"]
        return kernel[0] if kernel.ndim == 4 else kernel

    def conv(self, x: Tensor, layer: str, stride: int = 1, padding: int | str = 0) -> Tensor:
        """Conv1d with a bias."""
        weight, bias = self.kernel(layer).permute(2, 1, 0), self.parameters[f"{layer}/bias"]
        return nn.conv1d(x, weight, bias, stride, padding)

    def conv_transpose(self, x: Tensor, layer: str, stride: int, padding: int) -> Tensor:
        """ConvTranspose1d with a bias; its output padding is its padding."""
        weight, bias = self.kernel(layer).permute(1, 2, 0), self.parameters[f"{layer}/bias"]
        return nn.conv_transpose1d(x, weight, bias, stride, padding, padding)

    def dense(self, x: Tensor, layer: str) -> Tensor:
        """Linear."""
        return nn.linear(x, self.kernel(layer).T, self.parameters[f"{layer}/bias"])

    def norm(self, x: Tensor, name: str) -> Tensor:
        """BatchNorm1d in training mode."""
        c = x.shape[1]
        mean, var = torch.zeros(c, dtype=x.dtype), torch.ones(c, dtype=x.dtype)
        scale, bias = self.parameters[f"{name}/scale"], self.parameters[f"{name}/bias"]
        y = nn.batch_norm(x, mean, var, scale, bias, training=True)
        self.statistics |= {f"stat/{name}/mean": mean, f"stat/{name}/var": var}
        return y


def conv_strided(net: Network, x: Tensor) -> tuple[Tensor, Tensor]:
    """x [batch, channels, length] -> code [batch, code] and output like x; tanh, BatchNorm."""
    for i in range(2):
        x = torch.tanh(net.conv(x, f"encoder/layer_{i}", 2, 1))
        x = net.norm(x, f"encoder/norm_{i}")
    code = net.conv(x, "encoder/layer_2")
    y = net.norm(torch.tanh(net.conv_transpose(code, "decoder/layer_0", 1, 0)), "decoder/norm_0")
    y = net.norm(torch.tanh(net.conv_transpose(y, "decoder/layer_1", 2, 1)), "decoder/norm_1")
    y = net.conv_transpose(y, "decoder/layer_2", 2, 1)
    return code[:, :, 0], y[:, :, : signals.LENGTH]


def conv_pool(net: Network, x: Tensor) -> tuple[Tensor, Tensor]:
    """As `conv_strided`, by poolings and upsamplings; the grid is [4, 5], channels last."""
    for i in range(2):
        x = nn.max_pool1d(torch.tanh(net.conv(x, f"encoder/layer_{i}", 1, "same")), 2)
    code = net.dense(
        torch.tanh(net.dense(last(x).flatten(1), "encoder/layer_2")), "encoder/layer_3"
    )
    y = torch.tanh(net.dense(torch.tanh(net.dense(code, "decoder/layer_0")), "decoder/layer_1"))
    y = last(y.reshape(-1, 4, 5))
    for i in (2, 3):
        y = nn.interpolate(y, scale_factor=2, mode="nearest")
        y = torch.tanh(net.conv(y, f"decoder/layer_{i}", 1, "same"))
    return code, net.conv(y, "decoder/layer_4", 1, "same")[:, :, : signals.LENGTH]


def record_network(name: str, run: Callable[..., tuple[Tensor, Tensor]]) -> dict[str, np.ndarray]:
    """One batch and its gradients, in float64."""
    drawn = signals.parameters(name)
    leaves = {k: torch.from_numpy(v).double().requires_grad_() for k, v in drawn.items()}
    net, x = Network(leaves), torch.from_numpy(signals.batch()).double()
    code, output = run(net, last(x))
    ((last(output) - x) ** 2).mean().backward()
    seen = {"code": code, "output": last(output), **net.statistics}
    seen |= {f"grad/{k}": v.grad for k, v in leaves.items()}
    return {f"{name}/{k}": v.detach().numpy() for k, v in seen.items()}


def main() -> None:
    """Makes signals.npz."""
    torch.set_num_threads(1)
    kept: dict[str, np.ndarray] = {}
    for name, layers in signals.LAYERS.items():
        for i, layer in enumerate(layers):
            kept |= record_layer(f"{name}/{i}", layer, MAPS[name])
    for name, run in (("conv_strided", conv_strided), ("conv_pool", conv_pool)):
        kept |= record_network(name, run)
    path = HERE / "signals.npz"
    np.savez_compressed(path, **{name: np.float32(value) for name, value in kept.items()})


if __name__ == "__main__":
    main()
