"""A reader never sees half a file, whoever writes it and whatever goes wrong."""

import threading

import pytest

from ae_jax.errors import ConfigError
from ae_jax.files import atomic, json_file


def test_several_writers_leave_one_whole_file(tmp_path):
    """Half a million bytes each: with one name for all, one would rename what another writes."""
    file = tmp_path / "made" / "here.txt"
    texts = [letter * 500_000 for letter in "abcdefgh"]
    failed = []

    def write(text):
        try:
            for _ in range(10):
                assert atomic.write(file, text) == file
                assert file.read_text() in texts
        except (OSError, AssertionError) as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert [path.name for path in file.parent.iterdir()] == ["here.txt"]


def test_what_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch):
    file = tmp_path / "numbers.json"
    json_file.write(file, {"a": 1})

    def full(*args):
        raise OSError("no space left on device")

    monkeypatch.setattr(atomic.os, "replace", full)
    with pytest.raises(OSError, match="no space"):
        json_file.write(file, {"a": 2})
    assert json_file.read(file) == {"a": 1}
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("content", ["", "[1]", "{", "[" * 100_000, "{}" + " " * (1 << 20)])
def test_what_is_no_object_of_ours_is_refused_by_name(tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(ConfigError, match=r"x\.json: "):
        json_file.read(tmp_path / "x.json", ConfigError)
