"""Golden files of the models that were published in PyTorch.

Run from the repository root, with PyTorch installed: `python tests/golden/make_torch.py`.

A golden file holds, for the weights and batches of weights.py:
    code, output       first batch before any update: [batch, code_size] before the code's mask, and
                       [batch, 784] after the output activation, in the scale the network sees
    losses             [10], the training loss of each step before its update; mean squared error
                       over batch and pixels ('dropout': plus its weight penalty)
    grad/, gradnorm/   gradient of the first of these losses (without the optimizer's weight decay)
    param/, paramnorm/ parameters after the ten steps
    stat/, statnorm/   running BatchNorm statistics after the ten steps
    eval_output        BatchNorm in evaluation mode, first batch, after the ten steps
A '.../<name>' entry is the leaf at `sample_indices`, a '...norm/<name>' entry its Euclidean norm.
Every run is made in float32 and in float64, and the largest gap between the two is printed: Adam
divides each gradient by its own size, so where a gradient is nearly zero its rounding error decides
the step. A float32 parameter can then be off by more than 1e-4 of its leaf's largest entry, so all
the files hold the float64 run, rounded to float32 at the end.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from weights import STEPS, SYM_MODELS, batches, draw, summary

HERE = Path(__file__).parent
# Axes of a PyTorch weight in the order of our layout.
OUR_AXES: dict[type[nn.Module], tuple[int, ...]] = {
    nn.Linear: (1, 0),
    nn.Conv2d: (2, 3, 1, 0),
    nn.ConvTranspose2d: (2, 3, 0, 1),
}
Record = dict[str, np.ndarray | dict[str, np.ndarray]]
Network = tuple[nn.Sequential, nn.Sequential]


def dense(
    encoder: list[int],
    decoder: list[int],
    output: type[nn.Module] = nn.Identity,
    code: type[nn.Module] = nn.Identity,
    bias: bool = True,
) -> Network:
    """Two dense stacks through the given widths, ReLU after each layer but each side's last.

    `code` follows the encoder's last layer, `output` the decoder's.
    """

    def stack(widths: list[int], last: type[nn.Module]) -> list[nn.Module]:
        modules: list[nn.Module] = []
        for n_in, n_out in itertools.pairwise(widths):
            modules += [nn.Linear(n_in, n_out, bias=bias), nn.ReLU()]
        return [*modules[:-1], last()]

    flatten = nn.Flatten()
    return (
        nn.Sequential(flatten, *stack(encoder, code)),
        nn.Sequential(*stack(decoder, output)),
    )


def conv_strided(norm: bool = False) -> Network:
    """Strided convolutions down to 64 codes and transposed ones back; BatchNorm after the ReLU."""

    def active(channels: int) -> list[nn.Module]:
        return [nn.ReLU(), nn.BatchNorm2d(channels)] if norm else [nn.ReLU()]

    encoder = nn.Sequential(
        *(nn.Conv2d(1, 16, 3, stride=2, padding=1), *active(16)),
        *(nn.Conv2d(16, 32, 3, stride=2, padding=1), *active(32)),
        nn.Conv2d(32, 64, 7),
    )
    decoder = nn.Sequential(
        *(nn.ConvTranspose2d(64, 32, 7), *active(32)),
        *(nn.ConvTranspose2d(32, 16, 3, stride=2, padding=1, output_padding=1), *active(16)),
        nn.ConvTranspose2d(16, 1, 3, stride=2, padding=1, output_padding=1),
        nn.Sigmoid(),
    )
    return encoder, decoder


adam = partial(torch.optim.Adam, lr=1e-3)
decayed_adam = partial(torch.optim.Adam, lr=1e-3, weight_decay=1e-5)
sgd = partial(torch.optim.SGD, lr=10**-1.5, momentum=0.5)

MODELS: dict[str, tuple[Callable[[], Network], Callable[..., torch.optim.Optimizer]]] = {
    "linear": (lambda: dense([784, 32], [32, 784], bias=False), sgd),
    "undercomplete": (lambda: dense([784, 30], [30, 784], code=nn.Tanh, output=nn.Tanh), adam),
    "denoise": (lambda: dense([784, 500], [500, 784], code=nn.Tanh, output=nn.Tanh), adam),
    "dropout": (lambda: dense([784, 256, 128], [128, 256, 784]), adam),
    "deep": (
        lambda: dense([784, 128, 64, 12, 10], [10, 12, 64, 128, 784], output=nn.Sigmoid),
        decayed_adam,
    ),
    "conv_strided": (conv_strided, decayed_adam),
    "conv_strided_batchnorm": (lambda: conv_strided(norm=True), decayed_adam),
}


def named_modules(network: Network) -> Iterator[tuple[str, nn.Module]]:
    """('encoder/layer_0', module), ... for every module with parameters, in our names."""
    for side, stack in zip(("encoder", "decoder"), network, strict=True):
        index = -1
        for module in stack:
            if type(module) in OUR_AXES:
                index += 1
                yield f"{side}/layer_{index}", module
            elif isinstance(module, nn.BatchNorm2d):
                yield f"{side}/norm_{index}", module


def named_leaves(network: Network) -> Iterator[tuple[str, nn.Parameter, tuple[int, ...]]]:
    """(our name, PyTorch parameter, its axes in our order) for every parameter."""
    for name, module in named_modules(network):
        kind = "scale" if isinstance(module, nn.BatchNorm2d) else "kernel"
        yield f"{name}/{kind}", module.weight, OUR_AXES.get(type(module), (0,))
        if module.bias is not None:
            yield f"{name}/bias", module.bias, (0,)


def load(network: Network, parameters: dict[str, np.ndarray]) -> None:
    """Overwrites the network's parameters with ours, all of them, by name."""
    leaves = {name: (leaf, axes) for name, leaf, axes in named_leaves(network)}
    assert list(leaves) == list(parameters), "the network and SHAPES name different parameters"
    with torch.no_grad():
        for name, (leaf, axes) in leaves.items():
            ours = parameters[name].transpose(np.argsort(axes))
            assert leaf.shape == ours.shape, f"{name}: {leaf.shape} is not {ours.shape}"
            leaf.copy_(torch.from_numpy(ours.copy()))


def forward(model: str, network: Network, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Code [batch, ...] and output [batch, 784 or 1, 28, 28] under the model's own noise."""
    encoder, decoder = network
    code = encoder(x * mask if model == "denoise" else x)
    return code, decoder(code * mask if model == "dropout" else code)


def training_loss(model: str, network: Network, x: Tensor, output: Tensor) -> Tensor:
    """Mean squared error over batch and pixels; 'dropout' adds 1e-4 sum_layers mean(W^2)."""
    loss = nn.functional.mse_loss(output.reshape(x.shape), x)
    if model == "dropout":
        kernels = [leaf for name, leaf, _ in named_leaves(network) if name.endswith("kernel")]
        loss = loss + 1e-4 * sum((kernel**2).mean() for kernel in kernels)
    return loss


def array(tensor: Tensor, axes: Iterable[int] | None = None) -> np.ndarray:
    """A detached copy of the tensor with its axes in our order."""
    return tensor.detach().permute(*(axes or range(tensor.ndim))).numpy().copy()


def record(model: str, dtype: torch.dtype) -> Record:
    """Ten training steps of one model from our weights, as the module's docstring lists them."""
    build, make_optimizer = MODELS[model]
    network = tuple(side.to(dtype) for side in build())
    load(network, draw(model))
    optimizer = make_optimizer(leaf for _, leaf, _ in named_leaves(network))
    data = batches(model)
    images = torch.from_numpy(data.images).to(dtype).reshape(STEPS, -1, 1, 28, 28)
    x = 2 * images - 1 if model in SYM_MODELS else images
    mask = [None] * STEPS if data.mask is None else torch.from_numpy(data.mask).to(dtype)
    if model == "denoise":
        mask = mask.reshape(x.shape)

    seen: Record = {}
    losses = []
    for step in range(STEPS):
        code, output = forward(model, network, x[step], mask[step])
        loss = training_loss(model, network, x[step], output)
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            seen["code"] = array(code.flatten(1))
            seen["output"] = array(output.flatten(1))
            seen["grad"] = {name: array(p.grad, axes) for name, p, axes in named_leaves(network)}
        losses.append(loss.item())
        optimizer.step()
    seen["losses"] = np.array(losses)
    seen["param"] = {name: array(p, axes) for name, p, axes in named_leaves(network)}
    norms = [(n, m) for n, m in named_modules(network) if isinstance(m, nn.BatchNorm2d)]
    if norms:
        seen["stat"] = {f"{name}/mean": array(m.running_mean) for name, m in norms}
        seen["stat"] |= {f"{name}/var": array(m.running_var) for name, m in norms}
        for side in network:
            side.eval()
        seen["eval_output"] = array(forward(model, network, x[0], None)[1].flatten(1))
    return seen


def save(model: str, kept: Record) -> None:
    """Writes <model>.npz beside this file, every number as float32."""
    flat: dict[str, np.ndarray] = {}
    for group, value in kept.items():
        flat |= summary(group, value) if isinstance(value, dict) else {group: value}
    path = HERE / f"{model}.npz"
    np.savez_compressed(path, **{name: np.float32(value) for name, value in flat.items()})


def report(model: str, single: Record, double: Record) -> None:
    """Prints, for each group, its worst leaf: max |float32 - float64| / max |float64|."""
    print(model)
    for group, value in double.items():
        leaves = value if isinstance(value, dict) else {"": value}
        others = single[group] if isinstance(value, dict) else {"": single[group]}
        gaps = {
            name: np.abs(others[name] - leaf).max() / np.abs(leaf).max()
            for name, leaf in leaves.items()
        }
        worst = max(gaps, key=gaps.__getitem__)
        print(f"    {group:12} {gaps[worst]:.1e}  {worst}")


def main() -> None:
    """Makes every PyTorch golden file."""
    torch.set_num_threads(1)  # the order of the sums, so the files, then repeat on one machine
    for model in MODELS:
        single, double = record(model, torch.float32), record(model, torch.float64)
        report(model, single, double)
        save(model, double)


if __name__ == "__main__":
    main()
