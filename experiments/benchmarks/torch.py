"""Training loops in plain PyTorch, as users write them, for the bench; eager or compiled.

All cores, images in memory as float32 tensors that are already scaled. Numbers outside the network
(learning rate, batch size, penalty weights) come from the config that ae_jax trains. Compiled means
`torch.compile` (inductor) of the loss, and so of its gradient, with PyTorch's fused optimizer;
'max-autotune' was no faster on any of three networks that were tried.
"""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ae_jax.config.sections import Config

from .networks import NETWORKS, Network

Loss = Callable[[Any, nn.Module, nn.Module, Tensor], Tensor]  # (config, encoder, decoder, x)
# (encoder, x, h = encoder(x)) -> the mean over the batch
Penalty = Callable[[nn.Module, Tensor, Tensor], Tensor]


def network(name: str, keras_init: bool = False, place: str = "cpu") -> Network:
    """Encoder and decoder of a config; `keras_init` for Glorot-uniform weights and zero biases."""
    encoder, decoder = NETWORKS[name]()
    built = encoder.to(place), decoder.to(place)
    for parameter in parameters(built) if keras_init else []:
        if parameter.ndim > 1:
            nn.init.xavier_uniform_(parameter)
        else:
            nn.init.zeros_(parameter)
    return built


def parameters(built: Network) -> list[nn.Parameter]:
    """Those of both halves."""
    return [p for half in built for p in half.parameters()]


def squared_error(config: Config, encoder: nn.Module, decoder: nn.Module, x: Tensor) -> Tensor:
    """Mean over batch and pixels."""
    return functional.mse_loss(decoder(encoder(x)), x)


def denoising(config: Config, encoder: nn.Module, decoder: nn.Module, x: Tensor) -> Tensor:
    """Squared error of the clean image, the input with dropout."""
    noisy = functional.dropout(x, config.corruption.rate)
    return functional.mse_loss(decoder(encoder(noisy)), x)


def noisy(config: Config, encoder: nn.Module, decoder: nn.Module, x: Tensor) -> Tensor:
    """Squared error of the clean image, the input with Gaussian noise."""
    seen = x + config.corruption.sigma * torch.randn_like(x)
    return functional.mse_loss(decoder(encoder(seen)), x)


def decayed(config: Config, encoder: nn.Module, decoder: nn.Module, x: Tensor) -> Tensor:
    """Squared error and the mean square of every weight matrix."""
    weights = [p for p in parameters((encoder, decoder)) if p.ndim > 1]  # type: ignore[arg-type]
    penalty = torch.stack([w.square().mean() for w in weights]).sum()
    loss = squared_error(config, encoder, decoder, x)
    return loss + config.penalties.weight_l2.weight * penalty


def elbo(config: Config, encoder: nn.Module, decoder: nn.Module, x: Tensor) -> Tensor:
    """Negative evidence lower bound in nats per image."""
    mean, log_variance = encoder(x).chunk(2, dim=1)
    z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
    nll = functional.binary_cross_entropy_with_logits(decoder(z), x, reduction="sum")
    kl = 0.5 * torch.sum(mean.square() + log_variance.exp() - 1 - log_variance)
    return (nll + kl) / len(x)


def contractive(
    config: Config, encoder: nn.Module, decoder: nn.Module, x: Tensor, penalty: Penalty
) -> Tensor:
    """Squared error and a penalty on the encoder's Jacobian."""
    h = encoder(x)
    loss = functional.mse_loss(decoder(h), x)
    return loss + config.penalties.contractive.weight * penalty(encoder, x, h)


def closed_form(encoder: nn.Module, x: Tensor, h: Tensor) -> Tensor:
    """||J||^2 of one tanh layer, sum_j (1 - h_j^2)^2 ||W_j||^2: for that encoder the fastest."""
    slopes = 1 - h.square()
    return (slopes.square() @ encoder[0].weight.square().sum(1)).mean()  # type: ignore[index]


def jacrev(encoder: nn.Module, x: Tensor, h: Tensor) -> Tensor:
    """||J||^2 of any encoder, reverse mode: a pull-back per code unit, as one batch."""
    return _square(torch.func.vmap(torch.func.jacrev(encoder))(x))


def jacfwd(encoder: nn.Module, x: Tensor, h: Tensor) -> Tensor:
    """||J||^2 of any encoder, forward mode: a push-forward per pixel, as one batch."""
    return _square(torch.func.vmap(torch.func.jacfwd(encoder))(x))


def unit_loop(encoder: nn.Module, x: Tensor, h: Tensor) -> Tensor:
    """||J||^2 of any encoder, one `autograd.grad` after another for every code unit."""
    x = x.detach().requires_grad_()
    h = encoder(x)
    rows = [torch.autograd.grad(h_j.sum(), x, create_graph=True)[0] for h_j in h.unbind(1)]
    return torch.stack([row.square().sum() for row in rows]).sum() / len(x)


def _square(J: Tensor) -> Tensor:
    return J.square().sum() / len(J)


PENALTIES: dict[str, Penalty] = {
    "jacrev": jacrev,
    "jacfwd": jacfwd,
    "loop": unit_loop,
}
LOSSES: dict[str, Loss] = {
    **dict.fromkeys(NETWORKS, squared_error),
    "denoise": denoising,
    "denoise:64x64x3": noisy,
    "dropout": decayed,
    "vae": elbo,
    "contractive": partial(contractive, penalty=closed_form),
}


def optimizer(config: Config, leaves: list[nn.Parameter], fused: bool) -> torch.optim.Optimizer:
    """The config's optimizer; Keras's Adam differs from PyTorch's in where eps stands, not cost."""
    o, one = config.optim, fused or None
    if o.name == "sgd":
        return torch.optim.SGD(leaves, lr=o.learning_rate, momentum=o.momentum, fused=one)
    betas, decay = (o.b1, o.b2), o.weight_decay
    return torch.optim.Adam(leaves, o.learning_rate, betas, o.eps, decay, fused=one)


def compiles() -> bool:
    """Whether there is the C++ compiler that `torch.compile` needs."""
    return shutil.which("g++") is not None


def train(
    built: Network, loss: Loss, config: Config, x: Tensor, compiled: bool = False
) -> Iterator[Tensor]:
    """The loss of one training step after another, in a new order every epoch, without end."""
    encoder, decoder = built
    step = optimizer(config, parameters(built), compiled)
    if compiled:
        torch.compiler.reset()  # a function is compiled at most eight times, then no more
        loss = torch.compile(loss, dynamic=False, fullgraph=True)
    while True:
        for indices in torch.randperm(len(x), device=x.device).split(config.train.batch_size):
            step.zero_grad()
            value = loss(config, encoder, decoder, x[indices])
            value.backward()
            step.step()
            yield value.detach()


@torch.no_grad()
def evaluate(built: Network, x: Tensor, batch_size: int) -> dict[str, float]:
    """Squared error and binary cross-entropy per image over a whole set, for a sigmoid output."""
    encoder, decoder = (half.eval() for half in built)
    sums = {"sse": 0.0, "bce": 0.0}
    for batch in x.split(batch_size):
        x_hat = decoder(encoder(batch))
        sums["sse"] += functional.mse_loss(x_hat, batch, reduction="sum").item()
        sums["bce"] += functional.binary_cross_entropy(x_hat, batch, reduction="sum").item()
    return {name: value / len(x) for name, value in sums.items()}


@torch.no_grad()
def encode(built: Network, x: Tensor, batch_size: int) -> Any:
    """Codes of a whole set as a NumPy array [n, code_size]."""
    encoder = built[0].eval()
    return torch.cat([encoder(batch) for batch in x.split(batch_size)]).cpu().numpy()
