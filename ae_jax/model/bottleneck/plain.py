"""The code as it is, and with dropout."""

import jax

from ae_jax.config.schema import Fraction
from ae_jax.model.bottleneck.base import Bottleneck, Coded, Key


class IdentityBottleneck(Bottleneck):
    """z = h."""

    @property
    def separable(self) -> bool:  # noqa: D102
        return True

    def __call__(self, h: jax.Array, key: Key, train: bool) -> Coded:  # noqa: D102
        return h, None


class DropoutBottleneck(Bottleneck):
    """z = h * m / (1 - rate), m in {0, 1} with P(m = 0) = `rate` (Srivastava et al. 2014).

    Survivors are rescaled, so E[z] = h. `at_eval=True` keeps the noise at evaluation too: what a
    network does that is never put in evaluation mode.
    """

    rate: Fraction = 0.5
    at_eval: bool = False

    @property
    def separable(self) -> bool:  # noqa: D102
        return True

    def __call__(self, h: jax.Array, key: Key, train: bool) -> Coded:  # noqa: D102
        if key is None or not (train or self.at_eval):
            return h, None
        kept = jax.random.uniform(key, h.shape) >= self.rate
        return h * kept / (1.0 - self.rate), None
