"""Images on exact pixels, and training as an animated GIF. Uses Pillow, not matplotlib."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from ae_jax.errors import DataError
from ae_jax.files import atomic

GAP = 4  # pixels between images
_NOT_FINITE = np.array([0.835, 0.369, 0.0], np.float32)  # orange: neither black nor white
_SIDE = 56  # pixels an image is wide in the film
_FOOTER = 22  # pixels below the images, for the text
_FILM_MS = 5000  # the whole film without its last frame
_HOLD_MS = 2000  # the last frame
_THUMB = 28  # pixels an image is wide at most on a contact sheet
_ACROSS = 50  # images in a line of it
_GRAYS = 64  # levels: the eye sees no difference to 256, and the file is a third smaller


def displayable(images: np.ndarray, name: str = "images") -> np.ndarray:
    """Images `[n, H, W, C]` as they can be shown: `[n, H, W]` gray or `[n, H, W, 3]` color.

    Values are clipped to [0, 1]. One channel is gray, three are color, any other number is
    averaged to gray. Pixels that are not finite become orange (and their images color).
    Raises `DataError` for any other rank and where there is no image.
    """
    images = as_images(images, name)
    shown = images if images.shape[-1] == 3 else images.mean(axis=-1)
    bad = ~np.isfinite(images).all(axis=-1)
    if bad.any():
        shown = np.where(bad[..., None], _NOT_FINITE, _color(shown))
    return np.clip(shown, 0.0, 1.0)


def as_images(images: np.ndarray, name: str) -> np.ndarray:
    """`images` as float32; raises `DataError` unless they are `[n, H, W, C]` with n >= 1."""
    images = np.asarray(images, dtype=np.float32)
    if images.ndim != 4 or 0 in images.shape:
        raise DataError(
            f"{name}: a figure needs images [n, height, width, channels] with n >= 1,\n"
            f"got an array of shape {images.shape}"
        )
    return images


def mosaic(rows: Sequence[np.ndarray], side: int, gap: float = 1.0) -> tuple[np.ndarray, int]:
    """Rows of images under each other, with gaps of 4 pixels and nothing at the margin.

    Args:
        rows: each `[n, H, W]` or `[n, H, W, 3]`; every image fills its cell, so a row of smaller
            images is enlarged to the others.
        side: pixels for the longer side of the largest image. Smaller images are enlarged by a
            whole factor (all their pixels stay squares of one size), larger ones are averaged down.
        gap: value between the images (1 is white).

    Returns: the picture `[height, width]` (or `[height, width, 3]` if a row has color), and the
    height of a cell in pixels. Raises `DataError` where there is no row.
    """
    if not rows:
        raise DataError("a figure of images needs at least one row of images")
    shape = np.array([row.shape[1:3] for row in rows]).max(axis=0)
    factor = side // shape.max() if shape.max() <= side else side / shape.max()
    height, width = np.maximum(1, np.rint(shape * factor)).astype(int)
    colored = any(row.ndim == 4 for row in rows)
    columns = max(len(row) for row in rows)
    size = len(rows) * (height + GAP) - GAP, columns * (width + GAP) - GAP
    picture = np.full((*size, 3) if colored else size, gap, np.float32)
    for i, row in enumerate(rows):
        for j, image in enumerate(_color(row) if colored else row):
            y, x = i * (height + GAP), j * (width + GAP)
            picture[y : y + height, x : x + width] = _resize(image, height, width)
    return picture, int(height)


def _color(images: np.ndarray) -> np.ndarray:
    """Gray images `[n, H, W]` as `[n, H, W, 3]`; color images unchanged."""
    return images if images.ndim == 4 else np.repeat(images[..., None], 3, axis=-1)


def _resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """`[H, W]` or `[H, W, 3]` to another size: squares when it grows, means when it shrinks."""
    grows = image.shape[0] <= height
    sampling = Image.Resampling.NEAREST if grows else Image.Resampling.BOX
    planes = np.moveaxis(image, -1, 0) if image.ndim == 3 else image[None]
    resized = [np.asarray(Image.fromarray(p).resize((width, height), sampling)) for p in planes]
    return np.stack(resized, axis=-1) if image.ndim == 3 else resized[0]


def contact_sheet(path: str | Path, images: np.ndarray) -> Path:
    """Write a PNG of small images, 50 in a line without gaps, from `images` `[n, H, W, C]`.

    Images of more than 28 pixels are averaged down. The file says how many there are, and how many
    in a line: `number` and `columns` in its text chunks. Raises `DataError` where there is none.
    """
    shown = displayable(images)
    height, width = (max(1, round(v * min(1, _THUMB / max(shown.shape[1:3])))) for v in
                     shown.shape[1:3])  # fmt: skip
    columns = min(_ACROSS, len(shown))
    sheet = np.ones((-(-len(shown) // columns) * height, columns * width, *shown.shape[3:]))
    for i, image in enumerate(shown.astype(np.float32)):
        y, x = i // columns * height, i % columns * width
        sheet[y : y + height, x : x + width] = _resize(image, height, width)
    picture = Image.fromarray(np.rint(sheet * 255).astype(np.uint8))
    picture = picture.quantize(256) if picture.mode == "RGB" else picture  # a third of the bytes
    said, buffer = PngInfo(), io.BytesIO()
    said.add_text("number", str(len(shown)))
    said.add_text("columns", str(columns))
    picture.save(buffer, format="PNG", pnginfo=said, optimize=True)
    return atomic.write(path, buffer.getvalue())


def epoch_label(epoch: int, losses: Mapping[int, float] | None) -> str:
    """'epoch 5 · mse 0.0123', or 'epoch 5' where that epoch's mse is not known."""
    if losses is None or epoch not in losses:
        return f"epoch {epoch}"
    return f"epoch {epoch} · mse {losses[epoch]:.4f}"


def progress_gif(
    path: str | Path,
    originals: np.ndarray,
    frames: Mapping[int, np.ndarray],
    losses: Mapping[int, float] | None = None,
    corrupted: np.ndarray | None = None,
) -> Path:
    """Write a GIF: originals above their reconstructions, one frame per epoch, looping for ever.

    Of a denoiser: `corrupted` inputs, the outputs for them, originals.

    Args:
        path: file to write; it is replaced in one step.
        originals: `[m, H, W, C]` in [0, 1].
        frames: epoch -> reconstructions `[m, H, W, C]`; shown in the order of the epochs.
        losses: epoch -> mse, written beside the epoch where given.
        corrupted: `[m, H, W, C]`, what a denoiser made its frames of.

    Images are about 56 pixels wide. Gray ones keep 64 levels (error at most 1/126); color ones
    share one palette of 256. The film takes about 5 s, then holds its last frame for 2 s.
    Raises `DataError` where there is no frame, or an array is not images.
    """
    if not frames:
        raise DataError("progress_gif: 'frames' is empty; it needs at least one epoch")
    clean = displayable(originals, "originals")
    noisy = None if corrupted is None else displayable(corrupted, "corrupted")
    labels = {epoch: epoch_label(epoch, losses) for epoch in sorted(frames)}
    font = ImageFont.load_default(size=13)
    width = round(max(font.getlength(label) for label in labels.values()))
    pictures = []
    for epoch, label in labels.items():
        outputs = displayable(frames[epoch], f"frames[{epoch}]")
        rows = [clean, outputs] if noisy is None else [noisy, outputs, clean]
        pictures.append(_picture(mosaic(rows, _SIDE)[0], label, font, width))
    color = any(picture.mode == "RGB" for picture in pictures)
    pictures = _palette_color(pictures) if color else _palette_gray(pictures)
    each = int(np.clip(_FILM_MS / len(pictures), 60, 500)) // 10 * 10  # GIF counts in 1/100 s
    buffer = io.BytesIO()
    pictures[0].save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=pictures[1:],
        duration=[each] * (len(pictures) - 1) + [_HOLD_MS],
        loop=0,
        optimize=False,  # it would give each frame a palette of its own
    )
    return atomic.write(path, buffer.getvalue())


def _picture(images: np.ndarray, text: str, font: Any, least_width: int) -> Image.Image:
    """One frame: the mosaic, and the text under it.

    The text is at the bottom because a GIF stores the smallest box that changes: above, that
    box would take in the originals, which never change, and the file would be a third larger.
    """
    width = max(images.shape[1], least_width) + 2 * GAP
    mode = "RGB" if images.ndim == 3 else "L"
    bottom = GAP + images.shape[0]
    picture = Image.new(mode, (width, bottom + _FOOTER), "white")
    ImageDraw.Draw(picture).text((GAP, bottom + 1), text, fill="black", font=font)
    picture.paste(Image.fromarray(np.rint(images * 255).astype(np.uint8)), (GAP, GAP))
    return picture


def _palette_gray(pictures: list[Image.Image]) -> list[Image.Image]:
    """All frames with evenly spaced grays; Pillow writes them with a palette of all 256."""
    top = _GRAYS - 1
    levels = [round(round(top * level / 255) * 255 / top) for level in range(256)]
    return [picture.point(levels) for picture in pictures]


def _palette_color(pictures: list[Image.Image]) -> list[Image.Image]:
    """All frames on one palette of 256 colors, fitted to the first, middle and last frame."""
    colored = [picture.convert("RGB") for picture in pictures]
    chosen = [colored[0], colored[len(pictures) // 2], colored[-1]]
    sample = Image.fromarray(np.concatenate([np.asarray(picture) for picture in chosen]))
    palette = sample.quantize(256)
    undithered = Image.Dither.NONE  # dither flickers in a film
    return [picture.quantize(palette=palette, dither=undithered) for picture in colored]
