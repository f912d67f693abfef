"""What a step of a graph is in PyTorch: an expression of the expressions that it takes."""

from ae_jax.export.pytorch import convolutions, elementwise, moving
from ae_jax.export.pytorch.terms import (
    ATOM,
    TIMES,
    UNARY,
    Expr,
    Here,
    Translated,
    call,
    method,
    several,
    within,
)
from ae_jax.export.steps import Sizes, UnknownStepError


def expression(here: Here) -> Expr:
    """The expression of a step.

    Raises:
      UnknownStepError: PyTorch has none, as far as is known here.
    """
    if here.step.op not in OPS:
        raise UnknownStepError(f"the step '{here.step.op}'")
    return OPS[here.step.op](here)


def _reduced(name: str) -> Translated:
    def translated(here: Here) -> Expr:
        return here.made(*method(here.full(0), name, several(here.step.params["axes"])))

    return translated


def _product(here: Here) -> Expr:
    """Matrix products as such, others by the letters of their axes."""
    p = here.step.params
    a, b = here.full(0), here.full(1)
    if {v.dtype for v in here.given} != {here.step.out.dtype}:
        raise UnknownStepError("a product of mixed types")
    (over, batch), last = p["dimension_numbers"], len(a.shape) - 1
    simple = (
        batch == [[], []] and len(over[0]) == 1 and len(b.shape) == 2 and "permutation" not in p
    )
    if simple and (over[0] == [last] or len(a.shape) == 2):
        left = within(a, TIMES) if over[0] == [last] else f"{within(a, ATOM)}.T"
        right = within(b, UNARY) if over[1] == [0] else f"{within(b, ATOM)}.T"
        return here.made(f"{left} @ {right}", TIMES)
    return here.made(*call("torch.einsum", f'"{_letters(here, a.shape, b.shape)}"', a.text, b.text))


def _letters(here: Here, a: Sizes, b: Sizes) -> str:
    """What `einsum` is told: n for the examples."""
    p = here.step.params
    (over_a, over_b), (batch_a, batch_b) = p["dimension_numbers"]
    letters = iter("abcdefghijklmopqrstuvwxyz")
    of_a = ["n" if d == "n" else next(letters) for d in a]
    of_b = [""] * len(b)
    for i, j in zip((*batch_a, *over_a), (*batch_b, *over_b), strict=True):
        of_b[j] = of_a[i]
    for j, d in enumerate(b):
        of_b[j] = of_b[j] or ("n" if d == "n" and "n" not in of_a else next(letters))
    out = [of_a[i] for i in batch_a]
    out += [of_a[i] for i in range(len(a)) if i not in (*batch_a, *over_a)]
    out += [of_b[i] for i in range(len(b)) if i not in (*batch_b, *over_b)]
    out = [out[i] for i in p.get("permutation", range(len(out)))]
    return f"{''.join(of_a)},{''.join(of_b)}->{''.join(out)}"


def _top(here: Here) -> Expr:
    p = here.step.params
    axis = [] if p["axis"] == len(here.shape) - 1 else [f"dim={p['axis']}"]
    text, level = method(here.full(0), "topk", str(p["k"]), *axis)
    return here.made(text + (".indices" if p["result"] else ".values"), level)


def _layer_norm(here: Here) -> Expr:
    x, eps = (here.full(i).text for i in range(2))
    return here.made(*call("F.layer_norm", x, f"({here.step.params['size']},)", f"eps={eps}"))


def _softmax(here: Here) -> Expr:
    return here.made(*method(here.full(0), "softmax", str(here.step.params["axis"])))


def _window_max(here: Here) -> Expr:
    text, level = method(here.full(0), "max", str(here.step.params["axis"]))
    return here.made(f"{text}.values", level)


def _extreme(name: str) -> Translated:
    return lambda here: here.made(*method(here.full(0), name, str(here.step.params["axes"][0])))


REDUCED = {"sum": "sum", "max": "amax", "min": "amin", "and": "all", "or": "any"}

OPS: dict[str, Translated] = {
    **elementwise.OPS,
    **moving.OPS,
    **{f"reduce_{name}": _reduced(own) for name, own in REDUCED.items()},
    "mean": _reduced("mean"),
    "argmin": _extreme("argmin"),
    "argmax": _extreme("argmax"),
    "dot_general": _product,
    "conv_general_dilated": convolutions.conv,
    "conv_transpose": convolutions.conv_transpose,
    "layer_norm": _layer_norm,
    "softmax": _softmax,
    "window_max": _window_max,
    "top_k": _top,
}
