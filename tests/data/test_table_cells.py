"""What the text of one cell means."""

import numpy as np
import pyarrow as pa

from ae_jax.data.tables.cells import parsed


def test_signs_and_words_among_numbers():
    texts = pa.array(["+1", "-2", "x", None, "+", ".5", "1e3", "1 2"], pa.large_string())
    numbers, words = parsed(texts)
    np.testing.assert_array_equal(numbers, [1, -2, np.nan, np.nan, np.nan, 0.5, 1000, np.nan])
    assert words.tolist() == [False, False, True, False, True, False, False, True]
