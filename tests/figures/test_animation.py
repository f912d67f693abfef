"""The animated GIF, decoded again: its pixels, frames, durations and size."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ae_jax.figures import animation


def gif_frames(path: Path) -> tuple[list[np.ndarray], list[int]]:
    pictures, durations = [], []
    with Image.open(path) as film:
        for i in range(film.n_frames):
            film.seek(i)
            pictures.append(np.asarray(film.convert("RGB")).astype(int))
            durations.append(film.info["duration"])
    return pictures, durations


@pytest.mark.parametrize(("channels", "tolerance"), [(1, 3), (3, 12)])
def test_gif_holds_the_images_frame_by_frame(tmp_path, channels, tolerance):
    ramp = np.linspace(-0.2, 1.3, 28, dtype=np.float32)  # out of range: clipped, not wrapped
    original = np.broadcast_to(ramp[None, :, None, None], (2, 28, 28, channels))
    frames = {epoch: original[:, ::-1] * epoch / 10 for epoch in (10, 1, 5)}
    path = animation.progress_gif(tmp_path / "new" / "p.gif", original, frames, {5: 0.01234})
    pictures, durations = gif_frames(path)
    assert durations == [500, 500, 2000]
    for picture, epoch in zip(pictures, (1, 5, 10), strict=True):
        top, below = picture[4:60, 64:120], picture[64:120, 64:120]
        for shown, image in ((top, original[1]), (below, frames[epoch][1])):
            expected = np.repeat(np.repeat(image.clip(0, 1) * 255, 2, axis=0), 2, axis=1)
            assert np.abs(shown - expected).max() <= tolerance
        assert (picture[120:] < 128).any()  # the epoch, in words


def test_a_film_of_a_denoiser_has_its_input_on_top_and_the_clean_image_below(tmp_path):
    clean, noisy = np.full((1, 28, 28, 1), 0.9), np.full((1, 28, 28, 1), 0.3)
    frames = {1: np.full((1, 28, 28, 1), 0.5), 2: np.full((1, 28, 28, 1), 0.7)}
    path = animation.progress_gif(tmp_path / "p.gif", clean, frames, corrupted=noisy)
    pictures, _ = gif_frames(path)
    for picture, output in zip(pictures, (0.5, 0.7), strict=True):
        shades = [picture[4 + 28 + 60 * row, 30, 0] for row in range(3)]
        np.testing.assert_allclose(shades, np.multiply(255, (0.3, output, 0.9)), atol=3)


def test_a_film_of_fifty_epochs_is_small_and_lasts_five_seconds(tmp_path):
    x = np.linspace(-2, 2, 28)
    blob = np.exp(-(x[:, None] ** 2) - x**2)[None, :, :, None].repeat(8, axis=0)
    path = animation.progress_gif(
        tmp_path / "p.gif", blob, {epoch: blob * epoch / 50 for epoch in range(1, 51)}
    )
    _, durations = gif_frames(path)
    assert len(durations) == 50 and sum(durations[:-1]) == 4900 and durations[-1] == 2000
    assert path.stat().st_size < 500_000


def test_the_words_under_one_narrow_image_are_not_cut(tmp_path):
    strips = []
    for images in (1, 8):
        digits = np.zeros((images, 28, 28, 1))
        path = animation.progress_gif(tmp_path / "p.gif", digits, {1: digits, 20: digits}, {20: 1})
        (short, long), _ = gif_frames(path)
        assert short.shape == long.shape
        strips.append(long[120:])
    narrow, wide = strips
    np.testing.assert_array_equal(wide[:, : narrow.shape[1]], narrow)
    assert (wide[:, narrow.shape[1] :] == 255).all()
