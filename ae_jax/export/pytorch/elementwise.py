"""Steps that take every number by itself, as expressions."""

from ae_jax.export.pytorch.terms import (
    AND,
    ATOM,
    COMPARE,
    OR,
    PLUS,
    TIMES,
    UNARY,
    XOR,
    Expr,
    Here,
    Translated,
    call,
    dtype_of,
    method,
    together,
    within,
)
from ae_jax.export.steps import UnknownStepError


def _each(here: Here, text: str, level: int = ATOM) -> Expr:
    """An expression of every number by itself."""
    return Expr(text, level, together([g.expr.shape for g in here.given]))


def _function(name: str) -> Translated:
    return lambda here: _each(here, *call(name, *(g.expr.text for g in here.given)))


def _method(name: str) -> Translated:
    return lambda here: _each(here, *method(here.given[0].expr, name))


def _between(sign: str, level: int) -> Translated:
    def translated(here: Here) -> Expr:
        a, b = (g.expr for g in here.given)
        left = within(a, level + (level == COMPARE))  # a < b < c is something else
        if b.number and b.text[0] == "-" and sign in OPPOSITE:
            return _each(here, f"{left} {OPPOSITE[sign]} {b.text[1:]}", level)
        return _each(here, f"{left} {sign} {within(b, level + 1)}", level)

    return translated


def _before(sign: str) -> Translated:
    return lambda here: _each(here, sign + within(here.given[0].expr, ATOM), UNARY)


def _limit(name: str, keyword: str) -> Translated:
    """The larger or the smaller one; of a number `clamp`."""

    def translated(here: Here) -> Expr:
        a, b = (g.expr for g in here.given)
        a, b = (b, a) if a.number else (a, b)
        if not b.number:
            return _each(here, *call(name, a.text, b.text))
        return _each(here, *method(a, "clamp", f"{keyword}={b.text}"))

    return translated


def _div(here: Here) -> Expr:
    if here.step.out.dtype in ("int32", "int64"):
        arguments = [*(g.expr.text for g in here.given), 'rounding_mode="trunc"']
        return _each(here, *call("torch.div", *arguments))
    return _between("/", TIMES)(here)


def _power(here: Here) -> Expr:
    text = f"{within(here.given[0].expr, ATOM)} ** {here.step.params['y']}"
    return _each(here, text, UNARY)


def _round(here: Here) -> Expr:
    if here.step.params["rounding_method"] != "TO_NEAREST_EVEN":
        raise UnknownStepError("halves that are rounded up")
    return _method("round")(here)


def _converted(here: Here) -> Expr:
    dtype, e = here.step.out.dtype, here.given[0].expr
    if e.number:
        return _each(here, *call("float" if "float" in dtype else "int", e.text))._replace(
            number=True
        )
    if dtype == "float32":
        return _method("float")(here)
    return _each(here, *method(here.given[0].expr, "to", dtype_of(dtype)))


def _select(here: Here) -> Expr:
    which, first, second = here.given
    if which.dtype != "bool":
        raise UnknownStepError("a choice of more than two")
    return _each(here, *call("torch.where", which.expr.text, second.expr.text, first.expr.text))


def _clamp(here: Here) -> Expr:
    low, x, high = (g.expr for g in here.given)
    return _each(here, *method(x, "clamp", low.text, high.text))


FUNCTIONS = (  # by the same name in torch
    *("abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "ceil", "cos", "cosh"),
    *("digamma", "erf", "erfc", "exp", "exp2", "expm1", "floor", "isnan", "lgamma", "log", "log1p"),
    *("rsqrt", "sign", "sin", "sinh", "sqrt", "tan", "tanh"),
)
OPPOSITE = {"+": "-", "-": "+"}
RENAMED = {"logistic": "sigmoid", "erf_inv": "erfinv", "is_finite": "isfinite", "rem": "fmod"}
NETWORKS = ("relu", "silu", "gelu", "elu", "softplus")  # in torch.nn.functional
BETWEEN = {
    **{"add": ("+", PLUS), "sub": ("-", PLUS), "mul": ("*", TIMES)},
    **{"and": ("&", AND), "xor": ("^", XOR), "or": ("|", OR)},
    **{"eq": ("==", COMPARE), "ne": ("!=", COMPARE), "lt": ("<", COMPARE), "le": ("<=", COMPARE)},
    **{"gt": (">", COMPARE), "ge": (">=", COMPARE)},
}

OPS: dict[str, Translated] = {
    **{name: _function(f"torch.{name}") for name in FUNCTIONS},
    **{name: _function(f"torch.{own}") for name, own in RENAMED.items()},
    **{name: _function(f"F.{name}") for name in NETWORKS},
    **{name: _between(*how) for name, how in BETWEEN.items()},
    "square": _method("square"),
    "stop_gradient": _method("detach"),
    "max": _limit("torch.maximum", "min"),
    "min": _limit("torch.minimum", "max"),
    "neg": _before("-"),
    "not": _before("~"),
    "div": _div,
    "pow": _function("torch.pow"),
    "integer_pow": _power,
    "round": _round,
    "convert_element_type": _converted,
    "select_n": _select,
    "clamp": _clamp,
}
