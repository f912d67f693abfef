"""Artefacts of every format, opened alike; that of PyTorch by its own module."""

import runpy

import numpy as np

import ae_jax
from ae_jax.export import artefact
from ae_jax.export.description import Threshold
from ae_jax.inputs import labels as label_lib


def opened(folder, run):
    """What has encode, decode, reconstruct, score of a run and its threshold, in its units."""
    said = artefact.read(folder)[1]
    return OfTorch(folder, said, run) if said["format"] == "torch" else ae_jax.load_exported(folder)


class OfTorch:
    """A module as a `Run`: arrays of NumPy in and out."""

    def __init__(self, folder, said, run):
        self.module = runpy.run_path(str(folder / "network.py"))
        self.network = self.module["Network"].from_file()
        self.description, self.rows, self.run = said, said["kind"] != "image", run
        self.class_names = self.module.get("CLASSES")
        self.columns = list(self.module["COLUMNS"]) if "COLUMNS" in self.module else None
        found = said["threshold"]
        self.threshold = found and Threshold(**found)
        assert self.module.get("THRESHOLD") == (found and found["score"])

    def encode(self, x):
        return self._said("encode", self._given(x))

    def decode(self, z, labels=None):
        return self._outer(self._said("decode", z, *self._told(labels)))

    def reconstruct(self, x, labels=None):
        return self._outer(self._said("reconstruct", self._given(x), *self._told(labels)))

    def score(self, x, labels=None):
        return self._said("score", self._given(x), *self._told(labels))

    def _given(self, x):
        import torch

        x = np.array(x)
        if self.rows:
            return self.network.to_network(torch.tensor(x))
        return x.reshape(len(x), *self.run.model.shape)

    def _outer(self, x):
        import torch

        return self.network.to_data(torch.tensor(x)).numpy() if self.rows else x

    def _told(self, labels):
        if labels is None or not self.run.model.conditional:
            return ()
        classes, names = self.run.config.model.classes, self.run.label_names
        return (label_lib.classes_of("labels", labels, len(labels), classes, names),)

    def _said(self, name, *rows):
        import torch

        with torch.no_grad():
            return getattr(self.network, name)(*map(torch.as_tensor, rows)).numpy()
