"""What a run says first: of a denoiser the denoised error, and PCA only where it is a control."""

import copy
import re

import numpy as np
import pytest

from ae_jax.evaluate import baselines
from experiments.pages import comparison, gallery, one_run
from experiments.running.summary import headline
from experiments.workdirs import finished
from tests.experiments.pages import checked, made


def summary_of(path, pca=0.0000766, denoise=True):
    """Of a finished run, in memory and in its directory."""
    run = finished.read(path)
    summary = copy.deepcopy(run.summary)
    summary["controls"].update(pca=pca, pca_uncentred=pca)
    if not denoise:
        del summary["denoise"]
    return run._replace(summary=summary)


def test_a_denoiser_leads_with_the_denoised_error_beside_the_linear_denoiser(tmp_path):
    run = summary_of(made(tmp_path / "run"))
    first, second, third, fourth, *_ = headline(run.summary).splitlines()
    assert first.startswith("denoised mse") and "0.01280" in first and "(18.9 dB)" in first
    assert "linear denoiser" in second and "0.01890" in second
    assert "before denoising" in third and "0.23110" in third
    assert fourth.startswith("test mse on clean images") and "0.00595" in fourth
    said = [s.strip() for s in checked(one_run.write(run)).said if s.strip()]
    numbers = [s for s in said if re.fullmatch(r"0\.\d+", s)]
    assert numbers[:3] == ["0.0128", "0.0189", "0.00595"], "the tiles"
    assert said.index("Error on corrupted images") < said.index("Error on clean images")


@pytest.mark.parametrize(
    ("pca", "shown"), [(0.0, False), (1e-12, False), (0.0000766, False), (0.01, True)]
)
@pytest.mark.parametrize("denoise", [True, False])
def test_pca_is_a_control_where_its_code_is_smaller_than_the_datas_rank(
    tmp_path, pca, shown, denoise
):
    run = summary_of(made(tmp_path / "run"), pca, denoise)
    (line,) = [r for r in headline(run.summary).splitlines() if "PCA of equal size" in r]
    assert ("does not apply" in line) != shown and (f"{pca:.5f}" in line) == shown
    said = " ".join(checked(one_run.write(run)).said)
    assert ("PCA, equal code size, does not apply" in said) != shown
    table = comparison.numbers(["a", "b"], [run, run], mark=True)
    assert ("PCA, equal code size" in table) == shown


def test_the_rank_of_data_is_found_whatever_the_code():
    """Images of rank 5 (and a mean): a code of 4 leaves something, one of 5 or 9 nothing."""
    rng = np.random.default_rng(0)
    images = 0.5 + rng.uniform(-1, 1, (200, 5)) @ rng.uniform(-0.05, 0.05, (5, 36))
    images = images.reshape(200, 6, 6, 1).astype(np.float32)
    mean = baselines.mean_image_mse(images[:150], images[150:])
    for k, compares in ((4, True), (5, False), (9, False), (36, False)):
        pca = baselines.pca_mse(images[:150], images[150:], k)
        found = {"pca": pca, "pca_uncentred": pca, "mean_image": mean, "untrained": 1.0}
        assert ("pca" in finished.baselines({"controls": found})) == compares, k


def test_a_gallery_leads_with_the_denoised_error_too(tmp_path):
    path = made(tmp_path / "run")
    said = " ".join(checked(gallery.write(path, [])).said)
    assert "test mse 0.01280" in said and "the best linear map 0.01890" in said
    assert "PCA" not in said
