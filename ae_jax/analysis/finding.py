"""What an application is given, and what it finds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypedDict, TypeVar, final

import jax
import numpy as np

from ae_jax.analysis import classifier as classifier_lib
from ae_jax.analysis import frechet
from ae_jax.data.arrays import Dataset, Split, has_holes, rows
from ae_jax.errors import AeJaxError
from ae_jax.evaluate.baselines import unit_rows
from ae_jax.inputs.examples import PLURALS
from ae_jax.resolve import config as config_lib
from ae_jax.run import fitting
from ae_jax.run.trained import Run
from ae_jax.streams import stream

DEEP = {  # of the autoencoders an application trains for itself, unless it says otherwise
    "encoder": {"hidden": (256,)},
    "decoder": {"hidden": (256,), "output": "sigmoid"},
    "model": {"init": "he"},
    "optim": {"learning_rate": 2e-3, "schedule": "cosine"},
    "train": {"batch_size": 128},
}


KEYED_AS = {"off_manifold": "off_the_map"}  # renamed, with the random bits of the name before


class NotApplicable(AeJaxError):  # noqa: N818 (a finding, not a fault)
    """The run or its data lack what an application needs; the message is the reason."""


@final
class Skipped(TypedDict):
    """In place of the numbers of a part of an application that was not done."""

    skipped: str  # the reason


class Finding(NamedTuple):
    """What an application measured."""

    numbers: dict[str, Any]
    control: dict[str, Any]  # the same numbers for what it is compared with
    sentence: str  # who won
    figures: dict[str, Any]  # '' or the end of a file name -> matplotlib figure


N = TypeVar("N", bound=Mapping[str, Any])
C = TypeVar("C", bound=Mapping[str, Any])
S = TypeVar("S")


class Measured(NamedTuple, Generic[N, C, S]):
    """What an application has measured.

    Attributes:
      numbers: the run's, a TypedDict: plain numbers and names, as the file of the finding has them.
      control: the same for what it is compared with, a TypedDict.
      shown: the arrays that only its figures show.
    """

    numbers: N
    control: C
    shown: S


@dataclass(frozen=True)
class Application(Generic[N, C, S]):
    """A use of autoencoders in three steps, each to be called, and tested, alone.

    Attributes:
      measure: (study, key) -> measured. Trains, encodes and scores; writes no English and draws
        nothing.
      judge: (numbers, control) -> the sentence of who won; from those of a file, too.
      draw: measured -> '' or the end of a file name -> matplotlib figure.
      kinds: of examples that it makes sense for.
      holes: whether they may have numbers that were not observed, NaN.
    """

    measure: "Callable[[Study, jax.Array], Measured[N, C, S]]"
    judge: Callable[[N, C], str]
    draw: Callable[[Measured[N, C, S]], dict[str, Any]]
    kinds: tuple[str, ...] = ("image",)
    holes: bool = False

    def __call__(self, study: "Study", key: jax.Array) -> Finding:
        """Measures, judges and draws.

        Raises:
          NotApplicable: errors of `measure`; or the examples are not of these `kinds`, or have
            holes.
        """
        if (kind := study.data.examples.kind) not in self.kinds:
            these = " and ".join(PLURALS[k] for k in self.kinds)
            raise NotApplicable(f"is for {these}, and these are {PLURALS[kind]}")
        if study.has_holes and not self.holes:
            raise NotApplicable(f"is for {PLURALS[kind]} without holes (NaN), and these have some")
        found = self.measure(study, key)
        said = self.judge(found.numbers, found.control)
        return Finding(dict(found.numbers), dict(found.control), said, self.draw(found))


@dataclass(frozen=True)
class Study:
    """A trained run, its data, and what several applications share, made when first asked for.

    Attributes:
      key: of the whole study; an application's own key is `key_for(name)`.
      effort: models an application trains for itself take so many times their usual steps.
      sizes: code sizes of `family`.
      outsiders: images of another world [n, H, W, C] for anomaly detection, or None.
      most: how many training and test images are looked at; an application's own models train on
        all.
    """

    run: Run
    data: Dataset
    key: jax.Array
    effort: float = 1.0
    sizes: tuple[int, ...] = (2, 4, 8, 16, 32)
    outsiders: np.ndarray | None = None
    most: tuple[int, int] = (10_000, 1000)

    def key_for(self, name: str) -> jax.Array:
        """A key that depends on nothing but the study's key and the name."""
        return stream(self.key, f"application/{KEYED_AS.get(name, name)}")

    @cached_property
    def has_holes(self) -> bool:
        """Whether anything of the training or test examples was not observed."""
        return has_holes(self.data.train.images) or has_holes(self.data.test.images)

    @cached_property
    def train(self) -> Split:
        """The first training images, float32 in [0,1]."""
        return _unit(rows(self.data.train, slice(0, self.most[0])))

    @cached_property
    def test(self) -> Split:
        """The first test images, float32 in [0,1]."""
        return _unit(rows(self.data.test, slice(0, self.most[1])))

    @cached_property
    def strange(self) -> np.ndarray | None:
        """The outsiders as float32 in [0,1], as many as test images."""
        if self.outsiders is None:
            return None
        return _unit(Split(self.outsiders[: self.most[1]], None)).images

    @cached_property
    def classifier(self) -> classifier_lib.Classifier:
        """A judge of plausibility, trained on the labels; NotApplicable without two classes."""
        self.need_classes()
        return classifier_lib.train(
            self.data.train.images,
            self.data.train.labels,
            self.key_for("classifier"),
            test=self.test,
            steps=self.steps(classifier_lib.STEPS),
        )

    @cached_property
    def test_codes(self) -> frechet.Normal:
        """Mean and covariance of the classifier's codes of the test images."""
        return frechet.normal(self.classifier.codes(self.test.images))

    @cached_property
    def reconstructs(self) -> bool:
        """Whether the run's error on the test images is below half of the mean image's.

        What does not reconstruct cannot win anything.
        """
        test = self.test
        return mse(self.reconstruct(*test), test.images) < 0.5 * mse(
            self.train.images.mean(0), test.images
        )

    @cached_property
    def family(self) -> dict[int, Run]:
        """code size -> an autoencoder of that size; all alike otherwise, trained alike."""
        key = self.key_for("family")
        return {
            k: self.fit(jax.random.fold_in(key, k), 1000, DEEP, {"model.code_size": k})
            for k in self.sizes
        }

    def steps(self, usual: int) -> int:
        """`usual` steps, more or fewer as the effort wants."""
        return max(1, round(usual * self.effort))

    def fit(
        self,
        key: jax.Array,
        steps: int,
        *changes: Mapping[str, Any],
        images: np.ndarray | None = None,
        labels: np.ndarray | None = None,
    ) -> Run:
        """An autoencoder of the application's own, on the training set or on other images.

        Args:
          key: of its training.
          steps: how many, before `effort`; rounded to whole epochs, one at least.
          changes: configs over each other, as for `ae_jax.fit`, dotted or nested.
          images: [n, H, W, C] to train on; None: the study's own, with their labels.
          labels: of these, where the config conditions on them.
        """
        part = self.data.train if images is None else Split(np.asarray(images), labels)
        config: dict[str, Any] = {}
        for change in changes:
            config = config_lib.merge(config, config_lib.nested(change))
        batch = min(config.get("train", {}).get("batch_size", 256), len(part.images))
        epochs = max(1, round(self.steps(steps) * batch / len(part.images)))
        train = {"train": {"batch_size": batch, "epochs": epochs}}
        data = Dataset("own", part, rows(part, slice(0, 1)))
        resolved = config_lib.resolve(config_lib.merge(config, train))
        return fitting.fit(resolved, data, key, progress=False, whole=True)

    @cached_property
    def classes(self) -> int:
        """How many classes the labels name: 0 to classes - 1, of which not all need to occur.

        NotApplicable where the data have no labels.
        """
        return 1 + max(int(labels.max()) for labels in self.need_labels())

    @cached_property
    def shared_classes(self) -> list[int]:
        """The classes that both the training and the study's test images have, in order.

        NotApplicable where the data have no labels.
        """
        return np.intersect1d(*self.need_labels()).tolist()

    def named(self, label: int) -> str:
        """What a class is called: its name where the data have names, else its number."""
        names = self.data.label_names
        return names[label] if names and label < len(names) else str(label)

    def need_labels(self) -> tuple[np.ndarray, np.ndarray]:
        """The labels of all training images and of the study's test images.

        Raises NotApplicable where the data have none.
        """
        train, test = self.data.train.labels, self.test.labels
        if train is None or test is None:
            raise NotApplicable("the data have no labels")
        return train, test

    def need_classes(self) -> tuple[np.ndarray, np.ndarray]:
        """`need_labels`, of two classes at least.

        Raises NotApplicable where the data have no labels or one class, or where training and test
        images have no two classes in common.
        """
        train, test = self.need_labels()
        if len(np.unique(train)) < 2:
            raise NotApplicable("the data have one class")
        if len(self.shared_classes) < 2:
            few = "one class" if self.shared_classes else "no class"
            raise NotApplicable(f"training and test images have {few} in common")
        return train, test

    def need_images(self) -> None:
        """Raises NotApplicable where the data are points, not images."""
        if min(self.run.model.shape[:2]) < 8:
            raise NotApplicable("the data are points, not images of 8 x 8 pixels or more")

    def need_unconditional(self) -> None:
        """Raises NotApplicable where the run's decoder must be told the label."""
        if self.run.model.conditional:
            raise NotApplicable("the decoder is told the label")

    def reconstruct(self, images: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
        """The run's reconstructions; `labels` reach the decoder only if it is conditioned."""
        return self.run.reconstruct(images, labels if self.run.model.conditional else None)

    def with_run(self, run: Run) -> "Study":
        """The same study of another run."""
        return replace(self, run=run)


def _unit(part: Split) -> Split:
    return Split(unit_rows(part.images).reshape(part.images.shape), part.labels)


def mse(a: np.ndarray, b: np.ndarray) -> float:
    """Mean squared difference, float64."""
    return float(np.mean(np.square(np.asarray(a, np.float64) - np.asarray(b, np.float64))))


def image_errors(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean squared difference of each image [n], of images [n, H, W, C], float64."""
    difference = np.asarray(a, np.float64) - np.asarray(b, np.float64)
    return np.square(difference).reshape(len(difference), -1).mean(1)
