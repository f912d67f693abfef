"""What every network has, and how convolutions take a signal.

Convolutions know two lengths of an image's axis: one pixel, and more. Along an axis of one pixel
every kernel, stride, pooling and upsampling is 1, so a signal, an image of height 1, has the
parameters of a one-dimensional network: kernels [1, k, in, out]. Along any other axis they are as
they are named, also where the axis, at first or after some layers, is shorter than a kernel: the
kernel then reads zeros beside the image.
"""

from typing import Annotated, ClassVar

from flax import linen as nn

from ae_jax.config.schema import OneOf

OutputName = Annotated[str, OneOf(("linear", "tanh", "sigmoid", "softplus", "columns"))]
Shape = tuple[int, int, int]


def along(sides: tuple[int, ...], usual: int, single: int = 1) -> tuple[int, int]:
    """`usual` for height and width, but `single` where an image of these `sides` has one pixel."""
    height, width = (single if n == 1 else usual for n in sides[:2])
    return height, width


class Network(nn.Module):
    """What others may ask an encoder or decoder for."""

    convolves: ClassVar[bool] = False  # whether it takes neighbors in an image to belong together
    takes_active: ClassVar[bool] = False  # whether a decoder can be told which of z are not 0

    @property
    def chain(self) -> bool:
        """Whether an encoder is its affine maps `layer_0`, ... and activations in turn, no more.

        Then J = D_n W_n^T ... D_1 W_1^T, with D_i the slopes of activation i.
        """
        return False

    @property
    def low_rank(self) -> bool:
        """Whether an encoder's codes are to span fewer dimensions than they have numbers."""
        return False


class Convolutional(Network):
    """Made of convolutions."""

    convolves = True
