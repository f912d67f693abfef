"""Rules between fields of a config."""

from ae_jax.config.schema import fields
from ae_jax.config.sections import Config, Optim
from ae_jax.errors import ConfigError
from ae_jax.model.bottleneck import BOTTLENECKS
from ae_jax.objective.losses import COUNTS
from ae_jax.objective.needs import check_needs
from ae_jax.optimizer import AVERAGING, unused


def check_optimizer(o: Optim) -> None:
    """Refuses what the optimizer does not use or does itself; ConfigError names the first."""
    for field, why in unused(o.name).items():
        if getattr(o, field) != (default := fields(Optim)[field].default):
            raise ConfigError(f"optim.{field}: {o.name} {why}; leave it {default}")
    if o.name in AVERAGING and o.schedule != "constant":
        raise ConfigError(
            f"optim.schedule: {o.name} averages instead of a rate that decays; it needs 'constant' "
            "(optim.warmup_epochs may be set)"
        )
    if o.schedule == "exponential" and not o.final_fraction:
        raise ConfigError("optim.final_fraction: must be above 0 where the schedule is exponential")


def check_together(c: Config) -> None:
    """What no single field can see.

    Raises:
      ConfigError: two fields do not go together.
    """
    _check_loss(c)
    _check_data(c)
    if c.decoder.name == "tied":
        _check_tied(c)
    _check_hidden(c)
    _check_decoder(c)
    _check_bottleneck(c)
    check_optimizer(c.optim)
    check_needs(c.to_dict())


def _check_loss(c: Config) -> None:
    """The decoder's output is what the loss is of."""
    output = c.decoder.output
    if c.loss.name == "bernoulli_nll":
        if output != "sigmoid":
            raise ConfigError("loss.name: bernoulli_nll needs decoder.output 'sigmoid'")
        if c.data.scale != "unit":
            raise ConfigError("loss.name: bernoulli_nll needs data.scale 'unit', pixels in [0,1]")
    if c.loss.name in COUNTS and (output != "softplus" or c.data.scale != "none"):
        raise ConfigError(
            f"loss.name: {c.loss.name} is of counts as they are: it needs decoder.output "
            "'softplus' and data.scale 'none'"
        )
    if (c.loss.name == "columns_nll") != (output == "columns"):
        raise ConfigError("loss.name: columns_nll and decoder.output 'columns' go together")
    if output == "columns" and (c.data.center or c.encoder.name != "dense"):
        raise ConfigError(
            "decoder.output: 'columns' is of rows: it needs encoder.name 'dense', data.center False"
        )


def _check_data(c: Config) -> None:
    """The data are read as they can be, and the decoder's output can reach them."""
    output = c.decoder.output
    if c.data.streaming and c.data.split != "canonical":
        raise ConfigError("data.streaming: needs data.split 'canonical'")
    if c.train.patience and not c.data.n_valid:
        raise ConfigError(
            "train.patience: stops by the loss on images held out; set data.n_valid, a number or a "
            "fraction such as 0.1"
        )
    if c.data.center and output != "linear":
        raise ConfigError(
            "data.center: needs decoder.output 'linear', centered data have no bounds"
        )
    if output == "sigmoid" and c.data.scale == "sym":
        raise ConfigError("decoder.output: sigmoid cannot reach data.scale 'sym', which is [-1,1]")


def _check_tied(c: Config) -> None:
    """An encoder has kernels that can be turned around."""
    if c.encoder.name != "dense":
        raise ConfigError("decoder.name: tied needs encoder.name 'dense'")
    if c.data.indicator:
        raise ConfigError(
            "decoder.name: tied gives back all that the encoder sees; with data.indicator that "
            "is more than the example"
        )
    if c.encoder.get("linear_layers"):
        raise ConfigError(
            "encoder.linear_layers: must be 0 with decoder.name 'tied', whose kernels would "
            "have to be of the same rank"
        )
    for field in ("layer_norm", "skip"):
        if c.encoder.get(field):
            raise ConfigError(
                f"encoder.{field}: must be False with decoder.name 'tied', which turns around "
                "kernels alone; decoder.name 'dense' has the same field"
            )
    if BOTTLENECKS[c.bottleneck.name].numbers != 1 or c.model.classes:
        raise ConfigError(
            "decoder.name: tied needs a code as wide as the encoder's output: no bottleneck "
            "that takes several numbers for one of the code, no model.classes"
        )


def _check_hidden(c: Config) -> None:
    """There are hidden layers for what is asked of them."""
    for side in ("encoder", "decoder"):
        part = getattr(c, side)
        if part.get("layer_norm") and min(part.hidden, default=1) < 2:
            raise ConfigError(
                f"{side}.layer_norm: is of hidden layers of two or more numbers; set them in "
                f"{side}.hidden, or leave it False"
            )


def _check_decoder(c: Config) -> None:
    """The decoder's own fields go together, and with the initializer."""
    for field in ("layer_norm", "skip"):
        if c.decoder.get("spectral_norm") and c.decoder.get(field):
            raise ConfigError(
                f"decoder.{field}: must be False with decoder.spectral_norm, by which no distance "
                "is to be enlarged"
            )
    if c.decoder.get("spectral_norm") and c.model.init == "zero":
        raise ConfigError("decoder.spectral_norm: needs a model.init other than 'zero'")
    if c.decoder.get("stride") == 1 and (kernel := c.decoder.get("kernel", 3)) % 2 == 0:
        raise ConfigError(f"decoder.kernel: must be odd where decoder.stride is 1, not {kernel}")
    if (kernels := c.decoder.get("kernels")) is not None:
        wanted = len(c.decoder.channels) + 1
        if len(kernels) != wanted:
            raise ConfigError(
                f"decoder.kernels: must be {wanted}, one per entry of decoder.channels and one for "
                f"the last convolution, not {len(kernels)}"
            )


def _check_bottleneck(c: Config) -> None:
    """The bottleneck's numbers are of a code of this size."""
    if c.bottleneck.get("k", 0) > (size := c.model.code_size):
        raise ConfigError(f"bottleneck.k: must be at most model.code_size, {size}")
    if not c.bottleneck.get("k", 0) <= c.bottleneck.get("first", size) <= size:
        raise ConfigError(
            f"bottleneck.first: must be from bottleneck.k, {c.bottleneck.k}, to model.code_size, "
            f"{size}"
        )
    if size % (part := c.bottleneck.get("size", 1)):
        raise ConfigError(f"bottleneck.size: must divide model.code_size, {size}, not {part}")
    if c.bottleneck.get("rank", 0) > size:
        raise ConfigError(f"bottleneck.rank: must be at most model.code_size, {size}")
