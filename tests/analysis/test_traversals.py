"""Numbers of a code by what they matter: of PCA it is their square, of others what they do."""

import json

import numpy as np
import pytest
from sklearn.decomposition import PCA

from ae_jax.analysis import traversals
from ae_jax.analysis.finding import Measured
from ae_jax.evaluate.latent import traversal
from ae_jax.figures.charts import Figure

RNG = np.random.default_rng(0)
IMAGES = (RNG.normal(size=(80, 16)) @ np.diag(np.linspace(2, 0.1, 16))).reshape(80, 4, 4, 1)


def test_without_a_number_of_pca_its_square_is_lost():
    fitted = PCA(5).fit(IMAGES.reshape(80, -1))
    codes = fitted.transform(IMAGES.reshape(80, -1))

    def decode(z):
        return fitted.inverse_transform(z).reshape(-1, 4, 4, 1)

    shift = np.array([0.5, 0, 0, -1, 0])
    found = traversals.increases(decode, codes, IMAGES, shift)
    np.testing.assert_allclose(np.array(found).T, (codes - shift) ** 2, atol=1e-9)
    turned = codes[:, [3, 0, 4, 1, 2]]
    back = np.argsort([3, 0, 4, 1, 2])
    found = traversals.increases(lambda z: decode(z[:, back]), turned, IMAGES, np.zeros(5))
    assert traversals.ordered(found).order == [1, 3, 4, 0, 2], "as PCA has them, by variance"


def test_numbers_that_matter_are_counted_and_half_of_it_is_the_first():
    spread = np.tile([-1.0, 1.0], 50)
    of = {0: 2 + 0.1 * spread, 1: 0 * spread, 2: 8 + 0.1 * spread, 3: 0.05 + 0.01 * spread,
          4: 3 + 100 * spread, 5: 3 + 0.1 * spread}  # fmt: skip
    found = traversals.ordered(list(of.values()))
    assert found.order == [2, 4, 5, 0, 3, 1]
    assert [e.value for e in found.increase] == pytest.approx([8, 3, 3, 2, 0.05, 0])
    # Number 3 is less than a hundredth of number 2's; 4 may be chance. Half of 16.05 are 8 and 3.
    assert found.counted == 3 and found.half == 2


def test_a_traversal_moves_one_number_from_end_to_end(untrained):
    run = untrained.run
    code = run.encode(untrained.test.images[:1])[0]
    images = traversal(run.decode, code, 2, (-1.5, 3.0))
    assert images.shape == (11, 28, 28, 1)
    for image, value in zip(images[[0, 5, 10]], (-1.5, 0.75, 3.0), strict=True):
        moved = np.where(np.arange(6) == 2, value, code)[None]
        np.testing.assert_allclose(image, run.decode(moved.astype(np.float32))[0], atol=1e-6)


def test_the_application_measures_judges_and_draws(untrained):
    found = traversals.APPLICATION(untrained, untrained.key_for("traversals"))
    stored = json.loads(json.dumps([found.numbers, found.control]))
    assert traversals.judge(*stored) == found.sentence
    assert sorted(found.numbers["order"]) == list(range(6))
    values = [e.value for e in found.numbers["increase"]]
    assert values == sorted(values, reverse=True)
    assert all(isinstance(figure, Figure) for figure in found.figures.values())


def test_sentence_and_lines_are_of_the_numbers():
    ours, theirs = ([(v, 0.25) for v in values] for values in ((9.0, 4.0, 0.0), (6.0, 5.0, 2.0)))
    numbers = {"order": [2, 0, 1], "increase": ours, "counted": 2, "half": 1}
    control = {"increase": theirs, "counted": 3, "half": 2}
    assert traversals.judge(numbers, control) == (
        "2 of 3 numbers matter (PCA's 3); half of the total increase in error comes from the first "
        "1 (PCA's 2). Number 2 matters most: setting it to its mean adds 9.00 ± 0.25 to the "
        "squared error per image (PCA's 6.00 ± 0.25)"
    )
    rows = {2: np.zeros((11, 8, 8, 1)), 0: np.ones((11, 8, 8, 1))}
    figures = traversals.draw(Measured(numbers, control, traversals.Shown("mine", rows)))
    lines = [line.get_ydata() for line in figures["increase"].axes[0].lines]
    np.testing.assert_allclose(lines, [[9, 4, 0], [6, 5, 2]])
    assert set(figures) == {"", "increase"}
