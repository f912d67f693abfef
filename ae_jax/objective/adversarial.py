"""A critic that tells codes from draws of the prior, while the encoder learns to deceive it."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from ae_jax.config.schema import Widths
from ae_jax.model.bottleneck.gaussian import STANDARD_NORMAL
from ae_jax.model.layers import Affine
from ae_jax.model.pipeline import Forward, Model, Variables

SLOPE = 0.2  # of the critic's activation, where its argument is negative


def reversal(z: jax.Array) -> jax.Array:
    """z itself, with -1 times the gradient (Ganin et al. 2016, equation 16)."""
    return 2 * jax.lax.stop_gradient(z) - z


class AdversarialPenalty(nn.Module):
    """-log s(D(e)) - log(1 - s(D(z))) per image, z its code, e a draw of the prior, s the sigmoid.

    The prior is that of the bottleneck, N(0, I) where it has none. The critic D [batch, code_size]
    -> logits is a network with layers of `hidden` units, the penalty's own parameters. It descends
    the term, and through `reversal` the encoder ascends it, in the same step: the adversarial
    autoencoder of Makhzani et al. 2015, whose two steps become one (Ganin et al. 2016).

    In nats. The best critic is D = log p(z) - log q(z), and leaves 2 log 2 - 2 JSD(q(z), p(z)),
    JSD the Jensen-Shannon divergence: near 2 log 2 = 1.39 the critic cannot tell codes from draws,
    near 0 the codes are far from the prior. So a loss that rises may be progress.

    The weight scales both gradients. Adam divides the critic's by its size, so the critic learns at
    the optimizer's own rate, whatever the weight (but for `optim.eps` and `optim.clip_norm`); what
    the weight decides is how strong the critic is in the encoder, beside the reconstruction. With
    sgd it changes the critic's rate as well.
    """

    hidden: Widths = (256, 256)

    @nn.compact
    def __call__(self, p: Forward, model: Model, variables: Variables, key: jax.Array) -> jax.Array:
        """[batch]; `key` is of the draws."""
        e = (model.prior or STANDARD_NORMAL).sample(key, (len(p.z), p.z.shape[1]))
        v = jnp.concatenate([e, reversal(p.z)])
        for i, width in enumerate(self.hidden):
            v = nn.leaky_relu(Affine(width, "he", name=f"layer_{i}")(v), SLOPE)
        drawn, coded = jnp.split(Affine(1, "he", name="logit")(v)[:, 0], 2)
        return nn.softplus(-drawn) + nn.softplus(coded)
