"""Convolutions as calls of functions that the module has with it, where they are needed.

Images stay [n, H, W, C]; PyTorch has its channels first.
"""

from typing import Any

from ae_jax.export.pytorch.terms import Expr, Here, alike
from ae_jax.export.steps import UnknownStepError

AXES = {"lhs_spec": [0, 3, 1, 2], "rhs_spec": [3, 2, 0, 1], "out_spec": [0, 3, 1, 2]}

HELPERS = {
    "conv": '''
def conv(x: Tensor, kernel: Tensor, **options: Any) -> Tensor:
    """F.conv2d of x [n, H, W, in] and a kernel [kh, kw, in, out]."""
    x, kernel = x.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1)
    return F.conv2d(x, kernel, **options).permute(0, 2, 3, 1)
''',
    "conv_transpose": '''
def conv_transpose(x: Tensor, kernel: Tensor, **options: Any) -> Tensor:
    """F.conv_transpose2d of x [n, H, W, in] and a kernel [kh, kw, in, out]."""
    x, kernel = x.permute(0, 3, 1, 2), kernel.permute(2, 3, 0, 1)
    return F.conv_transpose2d(x, kernel, **options).permute(0, 2, 3, 1)
''',
}


def conv(here: Here) -> Expr:
    """A cross-correlation; zeros that are not the same on both sides are put there before."""
    p = here.step.params
    _check(here, p)
    if p["batch_group_count"] != 1 or set(p["lhs_dilation"]) != {1}:
        raise UnknownStepError("a convolution of images with gaps, or in groups of examples")
    x, kernel, pads = here.full(0).text, here.full(1).text, p["padding"]
    options = {"stride": p["window_strides"], "padding": [low for low, _ in pads]}
    if any(low != high or low < 0 for low, high in pads):
        (top, bottom), (left, right) = pads
        x = f"F.pad({x}, (0, 0, {left}, {right}, {top}, {bottom}))"
        options["padding"] = [0, 0]
    options |= {"dilation": p["rhs_dilation"], "groups": [p["feature_group_count"]]}
    return here.made(f"conv({x}, {kernel}{_said(options)})")


def conv_transpose(here: Here) -> Expr:
    """Its inverse in shape."""
    p = here.step.params
    _check(here, p)
    options = {name: p[name] for name in ("stride", "padding", "output_padding")}
    return here.made(f"conv_transpose({here.full(0).text}, {here.full(1).text}{_said(options)})")


def _said(options: dict[str, list[int]]) -> str:
    """Those that are not the default."""
    default = {"stride": {1}, "dilation": {1}, "groups": {1}}
    said = {k: alike(v) for k, v in options.items() if set(v) != default.get(k, {0})}
    return "".join(f", {name}={value}" for name, value in said.items())


def _check(here: Here, p: dict[str, Any]) -> None:
    """Raises UnknownStepError of another order of axes, or another number of them."""
    if p["dimension_numbers"] != AXES:
        raise UnknownStepError("a convolution of other axes than [n, H, W, C]")
    if {v.dtype for v in here.given} != {here.step.out.dtype}:
        raise UnknownStepError("a convolution of mixed types")
