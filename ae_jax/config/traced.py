"""Numbers that a sweep leaves open: arguments of its compiled program, not constants in it."""

import jax


def is_zero(number: object) -> bool:
    """Whether a config's number is 0, so that what it multiplies need not be computed.

    One that is left open is not: its program serves other values too.
    """
    return not isinstance(number, jax.core.Tracer) and number == 0
