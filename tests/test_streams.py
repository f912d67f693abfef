"""Streams of random numbers: by name, declared, different."""

import zlib

import jax
import numpy as np
import pytest

from ae_jax.objective.penalties import PENALTIES
from ae_jax.streams import FAMILIES, STREAMS, stream

KEY = jax.random.key(3)


def test_a_stream_is_its_name_folded_in():
    """crc32 is that of zip files, so that every machine and version has the same streams."""
    assert zlib.crc32(b"123456789") == 0xCBF43926
    wanted = jax.random.fold_in(KEY, zlib.crc32(b"order"))
    assert stream(KEY, "order") == wanted
    wanted = jax.random.fold_in(KEY, zlib.crc32(b"penalty/l1"))
    assert jax.jit(stream, static_argnums=1)(KEY, "penalty/l1") == wanted


def test_all_streams_differ():
    names = [*STREAMS, *(family + name for family in FAMILIES for name in PENALTIES)]
    data = {tuple(np.asarray(jax.random.key_data(stream(KEY, n))).tolist()) for n in names}
    assert len(data) == len(names)


@pytest.mark.parametrize("name", ["nosie", "penalty", "penalty/", "penalties/l1", "", "/l1"])
def test_an_undeclared_stream_is_an_error(name):
    with pytest.raises(ValueError, match=rf"is called '{name}'; there are init, order, .*penalty/"):
        stream(KEY, name)
