"""Arrays from outside: `.npy` files, and objects of other libraries."""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ae_jax.data.folders import decoding
from ae_jax.errors import DataError


def read_npy(path: str | os.PathLike[str]) -> np.ndarray:
    """The array of a `.npy` file, mapped into memory: what is not used is not read.

    Returns:
      floats, whole numbers or booleans of 2 to 4 axes, none of length 0. `kind_of` says what they
      are. Values are not looked at.

    Raises:
      DataError: no file; a damaged one, or one of Python objects; another type or shape.
    """
    file = Path(path).expanduser()
    if file.is_dir():
        raise DataError(f"{path}: a folder, not a .npy file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of NumPy, about headers of Python 2
            x = np.load(file, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except Exception as error:  # what np.load makes of damaged or hostile bytes has no one kind
        why = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(f"{path}: not a .npy file of a plain array ({why})") from None
    if not isinstance(x, np.ndarray):
        x.close()
        raise DataError(f"{path}: several arrays; call it .npz")
    if x.dtype.kind not in "fiub":
        raise DataError(f"{path}: {x.dtype}; must be floats, whole numbers or booleans")
    kind_of(str(path), x)
    if 0 in x.shape:
        raise DataError(f"{path}: shape {x.shape}; no axis may be of length 0")
    return x


def kind_of(where: str, x: np.ndarray, kind: str | None = None) -> str:
    """What the examples of an array are: 'image', 'signal' or 'rows'.

    Args:
      where: what messages call the array.
      x: [n, D] are rows, [n, H, W] and [n, H, W, C] images.
      kind: what they are said to be; [n, L] and [n, L, C] are signals only if this says so.

    Raises:
      DataError: another number of axes, or one that the kind does not have.
    """
    inferred = {2: "rows", 3: "image", 4: "image"}
    axes = {None: (2, 3, 4), "rows": (2,), "image": (3, 4), "signal": (2, 3)}[kind]
    if x.ndim not in axes:
        shapes = {2: "[n, D]", 3: "[n, H, W]", 4: "[n, H, W, C]"}
        shapes |= {2: "[n, L]", 3: "[n, L, C]"} if kind == "signal" else {}
        allowed = " or ".join(shapes[n] for n in axes)
        mend = "; of one column: x[:, None]" if x.ndim == 1 and 2 in axes else ""
        raise DataError(f"{where}: shape {x.shape}; {kind or 'it'} must be {allowed}{mend}")
    return kind or inferred[x.ndim]


def of_objects(value: Any) -> Any:
    """Tensors of PyTorch, arrays of JAX and lists of Pillow's images as NumPy's arrays.

    Images [n, H, W, C] are uint8, L, RGB or RGBA as a folder of them would be, and RGB where they
    differ in this. They are taken as they are: no EXIF orientation is applied. bfloat16 and
    narrower floats become float32. Lists of tensors are stacked. Anything else is returned as it
    is.

    Raises:
      DataError: images or tensors of several sizes (names the first two), or what cannot be read.
    """
    if isinstance(value, list | tuple) and value:
        if any(isinstance(item, Image.Image) for item in value):
            return _of_images(value)
        if _is_tensor(value[0]):
            return _stacked([_of_tensor(item) for item in value])
    if _is_tensor(value):
        return _of_tensor(value)
    return _of_jax(value) if _is_jax(value) else value


def _is_tensor(value: object) -> bool:
    return all(hasattr(value, name) for name in ("detach", "cpu", "numpy"))


def _is_jax(value: object) -> bool:
    import jax

    return isinstance(value, jax.Array)


def _of_tensor(value: Any) -> np.ndarray:
    if not _is_tensor(value):
        raise DataError(
            f"a list of tensors and of {type(value).__name__}; must be one or the other"
        )
    try:
        here = value.detach().cpu()
        try:
            return np.asarray(here.numpy())
        except TypeError:  # NumPy has no such type: bfloat16
            return np.asarray(here.float().numpy())
    except Exception as error:
        why = " ".join(str(error).split())[:200]
        raise DataError(f"a tensor that cannot be read ({why})") from None


def _of_jax(value: Any) -> np.ndarray:
    try:
        x = np.asarray(value)
    except Exception as error:
        why = " ".join(str(error).split())[:200]
        raise DataError(f"an array of JAX that cannot be read ({why})") from None
    return x.astype(np.float32) if x.dtype.kind == "V" else x


def _of_images(images: list[Any] | tuple[Any, ...]) -> np.ndarray:
    for i, image in enumerate(images):
        if not isinstance(image, Image.Image):
            raise DataError(f"image {i}: {type(image).__name__}; all must be Pillow's images")
    try:
        natural = [decoding.natural(image) for image in images]
        modes = {image.mode for image in natural}
        if len(modes) > 1:
            natural = [decoding.colored(image, "rgb") for image in natural]
        arrays = [np.asarray(image) for image in natural]
    except Exception as error:  # opened, but not read until now
        why = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(f"an image that cannot be read ({why})") from None
    x = _stacked(arrays)
    return x if x.ndim == 4 else x[..., None]


def _stacked(arrays: list[np.ndarray]) -> np.ndarray:
    for i, x in enumerate(arrays):
        if x.shape[:2] != arrays[0].shape[:2] or x.shape != arrays[0].shape:
            a, b = (" x ".join(map(str, y.shape)) for y in (arrays[0], x))
            raise DataError(f"item 0 is {a}, and item {i} is {b}; all must be of one size")
    return np.stack(arrays)
