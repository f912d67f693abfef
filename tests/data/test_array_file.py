"""`.npy` files, and arrays of other libraries."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from ae_jax.data.array_file import kind_of, of_objects, read_npy
from tests.data.folders import noise
from tests.data.tables import refused


def saved(tmp_path, x, **how):
    np.save(tmp_path / "x.npy", x, **how)
    return tmp_path / "x.npy"


@pytest.mark.parametrize("dtype", ["f2", ">f4", "f8", "u1", "i2", "i8", "?"])
def test_npy_is_mapped_and_the_same(dtype, tmp_path):
    x = np.random.default_rng(0).integers(0, 9, (6, 5)).astype(dtype)
    for given in (x, np.asfortranarray(x)):
        found = read_npy(saved(tmp_path, given))
        assert isinstance(found, np.memmap) and found.dtype == x.dtype
        np.testing.assert_array_equal(found, x)


def test_npy_that_is_refused(tmp_path):
    file = saved(tmp_path, np.ones((3, 4)))
    whole = file.read_bytes()
    for damaged in (b"", b"no", whole[:40], whole[:-8], whole.replace(b"<f8", b"<q?")):
        file.write_bytes(damaged)
        refused(lambda: read_npy(file), "not a .npy file")
    refused(lambda: read_npy(saved(tmp_path, np.array([[1, "a"]], object), allow_pickle=True)),
            "not a .npy file")  # fmt: skip
    for x, said in (
        (np.ones((2, 2), complex), "complex128"), (np.array([["a"]]), "<U1"),
        (np.ones(3), "x[:, None]"), (np.ones((1,) * 5), "shape (1, 1, 1, 1, 1)"),
        (np.ones((0, 3)), "shape (0, 3)"), (np.ones((3, 0)), "shape (3, 0)"),
    ):  # fmt: skip
        refused(lambda x=x: read_npy(saved(tmp_path, x)), said)
    with open(file, "wb") as stream:
        np.savez(stream, x=np.ones(3))
    refused(lambda: read_npy(file), "call it .npz")
    refused(lambda: read_npy(tmp_path), "a folder")
    refused(lambda: read_npy(tmp_path / "no.npy"), "no such file")


def test_npy_with_a_damaged_byte(tmp_path):
    rng, file = np.random.default_rng(0), saved(tmp_path, np.ones((3, 4)))
    whole, refusals = file.read_bytes(), 0
    for at in range(128):  # all of its header
        data = bytearray(whole)
        data[at] = rng.integers(256)
        file.write_bytes(data)
        try:
            read_npy(file)
        except ValueError as error:  # a DataError is one, and np.load's are to be none
            assert type(error).__name__ == "DataError" and len(str(error).splitlines()) <= 3
            refusals += 1
    assert refusals > 40


def test_kinds():
    assert [kind_of("x", np.ones((2,) * n)) for n in (2, 3, 4)] == ["rows", "image", "image"]
    assert [kind_of("x", np.ones((2,) * n), "signal") for n in (2, 3)] == ["signal", "signal"]
    refused(lambda: kind_of("x", np.ones(2)), "x: shape (2,)", "[n, D] or [n, H, W]")
    refused(lambda: kind_of("x", np.ones((2, 2)), "image"), "image must be [n, H, W] or")
    refused(lambda: kind_of("x", np.ones((2,) * 4), "signal"), "signal must be [n, L] or [n, L, C]")
    refused(lambda: kind_of("x", np.ones((2,) * 3), "rows"), "rows must be [n, D]")


class Tensor:
    """As PyTorch's: NumPy is reached by three calls, and not at all by bfloat16."""

    def __init__(self, x, narrow=False):
        self.x, self.narrow = x, narrow

    def detach(self):
        return self

    cpu = detach

    def float(self):
        return Tensor(self.x.astype(np.float32))

    def numpy(self):
        if self.narrow:
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.x


def test_tensors():
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(of_objects(Tensor(x)), x)
    np.testing.assert_array_equal(of_objects([Tensor(x), Tensor(x + 1)]), [x, x + 1])
    narrow = of_objects(Tensor(x, narrow=True))
    assert narrow.dtype == np.float32 and narrow.tolist() == x.tolist()
    refused(lambda: of_objects([Tensor(x), Tensor(x[:1])]), "2 x 3", "1 x 3")
    refused(lambda: of_objects([Tensor(x), x]), "ndarray")
    broken = Tensor(x)
    broken.cpu = types.MethodType(lambda self: 1 / 0, broken)
    refused(lambda: of_objects(broken), "cannot be read")


@pytest.mark.slow
def test_tensors_of_torch():
    torch = pytest.importorskip("torch")
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    for made in (torch.tensor(x), torch.tensor(x, requires_grad=True), torch.tensor(x).bfloat16()):
        found = of_objects(made)
        assert isinstance(found, np.ndarray) and found.dtype == np.float32
        np.testing.assert_array_equal(found, x)
    assert of_objects(torch.zeros(2, 2, dtype=torch.uint8)).dtype == np.uint8


def test_arrays_of_jax():
    x = np.arange(6).reshape(2, 3)
    for dtype, expected in (
        ("float32", "f4"),
        ("bfloat16", "f4"),
        ("uint8", "u1"),
        ("int32", "i4"),
    ):
        found = of_objects(jnp.asarray(x, dtype))
        assert type(found) is np.ndarray and found.dtype == expected
        np.testing.assert_array_equal(found, x)
    refused(lambda: of_objects(jax.random.key(0)), "cannot be read")


def test_other_objects_are_left():
    for value in (np.ones(2), [1, 2], [], "name", None, {"a": 1}, [np.ones(2)]):
        assert of_objects(value) is value


def test_images_of_pillow(tmp_path):
    color, gray = noise(0, 4, 6, 3), noise(1, 4, 6)
    a, b = Image.fromarray(color), Image.fromarray(gray)
    np.testing.assert_array_equal(of_objects([a, a]), [color, color])
    found = of_objects((b,))
    assert found.dtype == np.uint8 and found.shape == (1, 4, 6, 1)
    np.testing.assert_array_equal(found[0, ..., 0], gray)
    np.testing.assert_array_equal(of_objects([b, a]), [np.stack([gray] * 3, -1), color])
    deep = Image.fromarray(np.array([[0, 65535]], np.uint16))
    assert of_objects([deep]).ravel().tolist() == [0, 255]
    refused(lambda: of_objects([a, b.resize((3, 2))]), "item 0 is 4 x 6", "item 1 is 2 x 3")
    refused(lambda: of_objects([a, gray]), "image 1: ndarray")
    a.save(tmp_path / "x.png")
    (tmp_path / "y.png").write_bytes((tmp_path / "x.png").read_bytes()[:60])
    with Image.open(tmp_path / "y.png") as damaged:
        refused(lambda: of_objects([damaged]), "cannot be read")
