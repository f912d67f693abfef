"""Image files -> arrays: as Pillow decodes them, upright, in one kind of color and of one size.

Threads decode: Pillow lets go of Python's lock while it does, and nothing is copied between
processes. Of thumbnails Pillow spends more time in Python than in a decoder, and threads would
wait for each other: one thread reads them 1.2 times as fast as two.
"""

import collections
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageOps

from ae_jax.data.folders.listing import File
from ae_jax.errors import DataError

# By content, not by suffix; phones' MPO is a JPEG. Nothing that would start another program.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
CHUNK_FILES, CHUNK_BYTES = 64, 4_000_000  # of files that a thread decodes at a time
THUMBNAIL_BYTES = 1_250  # a file of 48 x 48 pixels in color, about


class How(NamedTuple):
    """How files become images, the options of `load_data` of these names.

    Attributes:
      resize: (n,) or (height, width), with Pillow's LANCZOS; None: as they are. (n,) is n x n, or
        with `crop` the length of the shorter side.
      crop: (n,) or (height, width) of the middle, after resizing, or None.
      color: 'keep', 'gray', 'rgb' or 'rgba'.
      skip_bad: files that cannot be read are left out.
    """

    resize: tuple[int, ...] | None = None
    crop: tuple[int, ...] | None = None
    color: str = "keep"
    skip_bad: bool = False


class Bad(NamedTuple):
    """A file that is no image, and why."""

    file: File
    why: str


class BadFilesError(Exception):
    """All the files of a set that cannot be read, as `Bad`."""

    def __init__(self, bad: Sequence[Bad]) -> None:
        super().__init__(f"{len(bad)} files cannot be read")
        self.bad = bad


class MixedColorsError(Exception):
    """Files of several kinds of color, which are to be kept."""


def images(files: Sequence[File], how: How) -> Iterator[np.ndarray]:
    """The images [H, W, C] of the files, uint8, in their order; memory holds some of them at once.

    Raises:
      BadFilesError: after the last of them, where some cannot be read.
      MixedColorsError: `how` keeps colors, and they differ in kind.
      DataError: they differ in size (names two of them), or one is smaller than the crop.
    """
    from tqdm import tqdm

    first: tuple[File, np.ndarray] | None = None
    bad: list[Bad] = []
    with tqdm(total=len(files), unit="image", desc="reading", disable=None, delay=1) as bar:
        for file, image in zip(files, _decoded(files, how), strict=True):
            bar.update()
            if isinstance(image, Bad):
                bad.append(image)
                continue
            first = first or (file, image)
            if image.shape != first[1].shape:
                raise _mixed(first, (file, image))
            if not bad:
                yield image
    if bad:
        raise BadFilesError(bad)


def _mixed(a: tuple[File, np.ndarray], b: tuple[File, np.ndarray]) -> Exception:
    """What is wrong with two images of different shape."""
    sizes = [" x ".join(map(str, image.shape[:2])) for _, image in (a, b)]
    if sizes[0] == sizes[1]:
        return MixedColorsError()
    return DataError(
        f"{b[0].path}: {sizes[1]} pixels (height x width)\n{a[0].path}: {sizes[0]}\n"
        "images must be of one size: set data.resize, such as data.resize=64 or (48, 64)"
    )


def _decoded(files: Sequence[File], how: How) -> Iterator[np.ndarray | Bad]:
    """In order, by threads that are a few chunks ahead of who reads."""
    if sum(file.size for file in files) <= THUMBNAIL_BYTES * len(files):
        yield from (decoded(file, how) for file in files)
        return
    workers = os.cpu_count() or 1
    waiting: collections.deque[Future[list[np.ndarray | Bad]]] = collections.deque()
    with ThreadPoolExecutor(workers) as pool:
        for chunk in _chunks(files):
            waiting.append(pool.submit(lambda c: [decoded(file, how) for file in c], chunk))
            if len(waiting) > 2 * workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _chunks(files: Sequence[File]) -> Iterator[list[File]]:
    chunk: list[File] = []
    size = 0
    for file in files:
        chunk.append(file)
        size += file.size
        if len(chunk) == CHUNK_FILES or size > CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def decoded(file: File, how: How) -> np.ndarray | Bad:
    """The image [H, W, C] uint8 of one file, or why there is none.

    The first of several frames, turned as its EXIF orientation says. 16-bit gray is rounded to 8
    bits; of 16-bit colors Pillow keeps the upper 8. A palette becomes RGB, or RGBA where something
    is transparent; CMYK and the like RGB. Transparent images are put on white for 'gray', 'rgb'.

    Raises:
      DataError: the image is smaller than the crop.
    """
    try:
        # Not by its name: Pillow maps some TIFFs into memory, and then turned ones are wrong.
        with open(file.path, "rb") as stream, Image.open(stream, formats=FORMATS) as image:
            _refuse_bomb(image)
            image.load()
            if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
                ImageOps.exif_transpose(image, in_place=True)
            plain = natural(image)
        made = _cropped(file, _resized(colored(plain, how.color), how), how.crop)
        pixels = made.tobytes()
    except DataError:
        raise
    except Exception as error:  # every format's decoder has its own kinds
        why = " ".join(str(error).split())[:80] or type(error).__name__
        return Bad(file, "empty" if not file.size else _short(why))
    return np.frombuffer(pixels, np.uint8).reshape(made.height, made.width, -1)


def _refuse_bomb(image: Image.Image) -> None:
    """What Pillow warns of is an error here; twice as much is one of Pillow's own."""
    pixels, most = image.width * image.height, Image.MAX_IMAGE_PIXELS
    if most is not None and pixels > most:
        raise ValueError(f"{pixels:,} pixels, more than Pillow's limit of {most:,}")


def _short(why: str) -> str:
    """Pillow's words, without the path that stands before them already."""
    return "not an image" if why.startswith("cannot identify") else why


def natural(image: Image.Image) -> Image.Image:
    """As L, RGB or RGBA."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return Image.fromarray(_eight_bits(np.asarray(image)))
    mode = "L" if image.mode in ("1", "L") else "RGB"
    mode = "RGBA" if image.has_transparency_data else mode
    return image if image.mode == mode else image.convert(mode)


def _eight_bits(values: np.ndarray) -> np.ndarray:
    """uint8 of 16-bit whole numbers, or of floats in [0,1], rounded."""
    top = 1 if values.dtype.kind == "f" else 65535
    if not (values.min() >= 0 and values.max() <= top):
        raise ValueError(f"values {values.min():g} to {values.max():g}; must be in [0, {top}]")
    if values.dtype.kind == "f":
        return np.rint(values * 255).astype(np.uint8)
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def colored(image: Image.Image, color: str) -> Image.Image:
    """L, RGB or RGBA as `color` says, what is transparent on white for 'gray' and 'rgb'."""
    if color == "keep":
        return image
    if color == "rgba":
        return image.convert("RGBA")
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    mode = "L" if color == "gray" else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _resized(image: Image.Image, how: How) -> Image.Image:
    if how.resize is None:
        return image
    height, width = how.resize[0], how.resize[-1]
    if len(how.resize) == 1 and how.crop is not None:
        scale = how.resize[0] / min(image.size)
        width, height = (max(1, round(side * scale)) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def _cropped(file: File, image: Image.Image, crop: tuple[int, ...] | None) -> Image.Image:
    if crop is None:
        return image
    height, width = crop[0], crop[-1]
    left, top = (image.width - width) // 2, (image.height - height) // 2
    if min(left, top) < 0:
        raise DataError(
            f"{file.path}: {image.height} x {image.width} pixels, smaller than data.crop, "
            f"{height} x {width}\n"
            "set data.resize, or a smaller data.crop"
        )
    return image.crop((left, top, left + width, top + height))
