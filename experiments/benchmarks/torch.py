"""The same networks and training loops in plain PyTorch, as users write them; for the bench.

Eager mode, all cores, images in memory as float32 tensors that are already scaled: [n, 784] for
dense networks, [n, 1, 28, 28] for convolutions. Numbers outside the network (learning rate, batch
size, penalty weights) come from the config that ae_jax trains.
"""

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ae_jax.config.sections import Config

Network = tuple[nn.Sequential, nn.Sequential]  # encoder, decoder
Loss = Callable[[Any, nn.Module, nn.Module, Tensor], Tensor]  # (config, encoder, decoder, x)
# (encoder, x, h = encoder(x)) -> the mean over the batch
Penalty = Callable[[nn.Module, Tensor, Tensor], Tensor]


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


def conv_strided(norm: bool = False) -> Network:
    """Strided convolutions down to 64 codes and transposed ones back; BatchNorm after the ReLU."""

    def active(channels: int) -> list[nn.Module]:
        return [nn.ReLU(), nn.BatchNorm2d(channels)] if norm else [nn.ReLU()]

    def up(n_in: int, n_out: int) -> nn.Module:
        return nn.ConvTranspose2d(n_in, n_out, 3, stride=2, padding=1, output_padding=1)

    encoder = nn.Sequential(
        *(nn.Conv2d(1, 16, 3, stride=2, padding=1), *active(16)),
        *(nn.Conv2d(16, 32, 3, stride=2, padding=1), *active(32), nn.Conv2d(32, 64, 7)),
    )
    decoder = nn.Sequential(
        *(nn.ConvTranspose2d(64, 32, 7), *active(32), up(32, 16), *active(16)),
        *(up(16, 1), nn.Sigmoid()),
    )
    return encoder, decoder


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
}


def network(name: str, keras_init: bool = False) -> Network:
    """Encoder and decoder of a config; `keras_init` for Glorot-uniform weights and zero biases."""
    built = NETWORKS[name]()
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
    "dropout": decayed,
    "vae": elbo,
    "contractive": partial(contractive, penalty=closed_form),
}


def optimizer(config: Config, leaves: list[nn.Parameter]) -> torch.optim.Optimizer:
    """The config's optimizer; Keras's Adam differs from PyTorch's in where eps stands, not cost."""
    o = config.optim
    if o.name == "sgd":
        return torch.optim.SGD(leaves, lr=o.learning_rate, momentum=o.momentum)
    betas, decay = (o.b1, o.b2), o.weight_decay
    return torch.optim.Adam(leaves, o.learning_rate, betas=betas, eps=o.eps, weight_decay=decay)


def train(built: Network, loss: Loss, config: Config, x: Tensor) -> Iterator[float]:
    """The loss of one training step after another, in a new order every epoch, without end."""
    encoder, decoder = built
    step = optimizer(config, parameters(built))
    while True:
        for indices in torch.randperm(len(x)).split(config.train.batch_size):
            step.zero_grad()
            value = loss(config, encoder, decoder, x[indices])
            value.backward()
            step.step()
            yield value.item()


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
    return torch.cat([encoder(batch) for batch in x.split(batch_size)]).numpy()
