"""The networks of the bench in plain PyTorch, as users write them.

Images are [n, numbers] for dense networks, [n, C, H, W] for convolutions and [n, C, length] for
those of signals.
"""

import itertools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

Network = tuple[nn.Sequential, nn.Sequential]  # encoder, decoder
CONVOLUTIONS = nn.Conv2d, nn.ConvTranspose2d


def stack(*widths: int, last: nn.Module | None = None, bias: bool = True) -> nn.Sequential:
    """Dense layers through the given widths with ReLU between, `last` after the last."""
    layers: list[nn.Module] = []
    for n_in, n_out in itertools.pairwise(widths):
        layers += [nn.Linear(n_in, n_out, bias=bias), nn.ReLU()]
    return nn.Sequential(*layers[:-1], *([] if last is None else [last]))


def conv_pool() -> Network:
    """Convolutions and max-pooling down to 16 tanh codes; nearest upsampling and convolutions."""
    encoder = nn.Sequential(
        *(nn.Conv2d(1, 4, 5, padding="same"), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 8, 5, padding="same"), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(392, 150), nn.ReLU(), nn.Linear(150, 16), nn.Tanh()),
    )
    decoder = nn.Sequential(
        *(nn.Linear(16, 120), nn.ReLU(), nn.Linear(120, 320), nn.ReLU()),
        *(nn.Linear(320, 784), nn.ReLU(), nn.Unflatten(1, (16, 7, 7))),
        *(nn.Upsample(scale_factor=2), nn.Conv2d(16, 8, 5, padding="same"), nn.ReLU()),
        # Of an even kernel's padding the larger half is behind, as in Keras.
        *(nn.Upsample(scale_factor=2), nn.ZeroPad2d((2, 3, 2, 3)), nn.Conv2d(8, 4, 6), nn.ReLU()),
        *(nn.Conv2d(4, 1, 7, padding="same"), nn.Sigmoid()),
    )
    return encoder, decoder


def conv_strided(
    sides: Sequence[int] = (28, 28),
    colors: int = 1,
    channels: Sequence[int] = (16, 32),
    code: int = 64,
    norm: bool = False,
    last: type[nn.Module] = nn.Sigmoid,
) -> Network:
    """Strided convolutions down to the code and transposed ones back; BatchNorm after the ReLU."""
    conv, transposed = (nn.Conv1d, nn.ConvTranspose1d) if len(sides) == 1 else CONVOLUTIONS
    grid = tuple(side // 2 ** len(channels) for side in sides)
    down, up = (colors, *channels), (*channels[::-1], colors)

    def active(channels: int) -> list[nn.Module]:
        return [nn.ReLU(), nn.BatchNorm2d(channels)] if norm else [nn.ReLU()]

    encoder: list[nn.Module] = []
    for n_in, n_out in itertools.pairwise(down):
        encoder += [conv(n_in, n_out, 3, stride=2, padding=1), *active(n_out)]
    decoder: list[nn.Module] = [transposed(code, up[0], grid)]
    for n_in, n_out in itertools.pairwise(up):
        doubling = transposed(n_in, n_out, 3, stride=2, padding=1, output_padding=1)
        decoder += [*active(n_in), doubling]
    return nn.Sequential(*encoder, conv(down[-1], code, grid)), nn.Sequential(*decoder, last())


class Block(nn.Module):
    """What a residual block makes of an image: itself and two convolutions of it, normalized."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.added = nn.Sequential(
            *(nn.GroupNorm(8, n_in), nn.SiLU(), nn.Conv2d(n_in, n_out, 3, padding=1)),
            *(nn.GroupNorm(8, n_out), nn.SiLU(), nn.Conv2d(n_out, n_out, 3, padding=1)),
        )
        self.skip = nn.Identity() if n_in == n_out else nn.Conv2d(n_in, n_out, 1)

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        return self.skip(x) + self.added(x)


def resnet(side: int, colors: int, channels: Sequence[int], code: int) -> Network:
    """A residual block and a strided convolution for every resolution, and the way back."""
    up = channels[::-1]
    grid = (up[0], *[side // 2 ** len(channels)] * 2)
    encoder: list[nn.Module] = [nn.Conv2d(colors, channels[0], 3, padding=1)]
    for n_in, n_out in itertools.pairwise((channels[0], *channels)):
        encoder += [Block(n_in, n_out), nn.Conv2d(n_out, n_out, 3, stride=2, padding=1)]
    encoder += [nn.GroupNorm(8, up[0]), nn.SiLU(), nn.Flatten()]
    decoder: list[nn.Module] = [nn.Linear(code, math.prod(grid)), nn.Unflatten(1, grid)]
    for n_in, n_out in itertools.pairwise((up[0], *up)):
        decoder += [nn.Upsample(scale_factor=2), nn.Conv2d(n_in, n_out, 3, padding=1)]
        decoder += [Block(n_out, n_out)]
    decoder += [nn.GroupNorm(8, up[-1]), nn.SiLU(), nn.Conv2d(up[-1], colors, 3, padding=1)]
    to_code = nn.Linear(math.prod(grid), code)
    return nn.Sequential(*encoder, to_code), nn.Sequential(*decoder, nn.Sigmoid())


class TopK(nn.Module):
    """The k largest numbers of a code; the others are 0."""

    def __init__(self, k: int) -> None:
        super().__init__()
        self.k = k

    def forward(self, h: Tensor) -> Tensor:  # noqa: D102
        values, indices = h.topk(self.k, dim=1)
        return torch.zeros_like(h).scatter_(1, indices, values)


def dense() -> Network:
    """784-250-16-320-784, tanh code."""
    return stack(784, 250, 16, last=nn.Tanh()), stack(16, 320, 784, last=nn.Sigmoid())


def one_layer(width: int) -> Network:
    """784-width-784, tanh code and tanh output."""
    return stack(784, width, last=nn.Tanh()), stack(width, 784, last=nn.Tanh())


NETWORKS: dict[str, Callable[[], Network]] = {
    "linear": lambda: (stack(784, 32, bias=False), stack(32, 784, bias=False)),
    "undercomplete": lambda: one_layer(30),
    "denoise": lambda: one_layer(500),
    "dropout": lambda: (
        stack(784, 256, 128),
        nn.Sequential(nn.Dropout(0.8), *stack(128, 256, 784)),
    ),
    "dense": dense,
    "conv_pool": conv_pool,
    "deep": lambda: (
        stack(784, 128, 64, 12, 10),
        stack(10, 12, 64, 128, 784, last=nn.Sigmoid()),
    ),
    "conv_strided": conv_strided,
    "conv_strided:batchnorm": lambda: conv_strided(norm=True),
    "vae": lambda: (stack(784, 400, 40), stack(20, 400, 784)),  # the loss takes logits
    "contractive": lambda: one_layer(30),
    "conv_strided:32x32x3": lambda: conv_strided((32, 32), 3, (32, 64)),
    "conv_strided:64x64x3": lambda: conv_strided((64, 64), 3, (32, 64, 128)),
    "conv_strided:128x128x3": lambda: conv_strided((128, 128), 3, (32, 64, 128, 256)),
    "resnet:32x32x3": lambda: resnet(32, 3, (32, 64), 64),
    "denoise:64x64x3": lambda: conv_strided((64, 64), 3, (32, 64, 128)),
    "rows:100": lambda: (stack(100, 64, 8), stack(8, 64, 100)),
    "signal:1024": lambda: conv_strided((1024,), code=6, last=nn.Identity),
    "top_k:16384": lambda: (stack(512, 16384, last=TopK(32)), stack(16384, 512)),
}
