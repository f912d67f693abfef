"""New images from random codes: which distribution of codes, and are they images?

A plain autoencoder says nothing about where its codes lie; a variational one is trained so that
they lie where N(0, I) does. Judged by a classifier: the share of samples it is sure of, which
classes they are, and how near they are to training images (a copy would be at distance 0). The
sampler is chosen by other samples than those that are judged.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from ae_jax.analysis import judge
from ae_jax.analysis.classifier import CONFIDENT
from ae_jax.analysis.finding import DEEP, Finding, Study
from ae_jax.analysis.interpolation import nearest_distance
from ae_jax.analysis.judge import Estimate
from ae_jax.figures.panels import grouped_bars, image_blocks
from ae_jax.resolve.config import load_config
from ae_jax.run.trained import Run

SAMPLES = 600
STANDARD = "standard normal"
SIGMA = 0.33  # of the Keras tutorial's N(0, sigma), made for codes in [-1, 1]
COMPONENTS = 30
FULL = 64  # codes wider than this get mixtures of diagonal Gaussians
TUTORIAL = {"dense": 1000, "conv_pool": 600}  # its models and their steps
TRAINED = {
    "model": {"init": "he"},
    "optim": {"learning_rate": 2e-3, "schedule": "cosine"},
    "train": {"batch_size": 100},
}
VAE = {
    **DEEP,
    "bottleneck": {"name": "gaussian"},
    "model": {"code_size": 16, "init": "he"},
    "loss": {"name": "bernoulli_nll", "per": "image"},
    "penalties": {"gaussian_kl": {"weight": 1.0}},
}


def samplers(codes: np.ndarray, key: jax.Array, n: int) -> dict[str, np.ndarray]:
    """Name -> n random codes [n, k], for training codes [m, k].

    'standard normal' N(0, I), 'Gaussian' with the codes' mean and covariance, 'mixture' of up to 30
    Gaussians, 'box' uniform between the 1 and 99 % quantiles of every coordinate.
    """
    k = codes.shape[1]
    k_normal, k_gauss, k_mix, k_box = jax.random.split(key, 4)
    low, high = np.quantile(codes, [0.01, 0.99], axis=0)
    u = np.asarray(jax.random.uniform(k_box, (n, k)))
    return {
        STANDARD: np.asarray(jax.random.normal(k_normal, (n, k))),
        "Gaussian": gaussian(codes, k_gauss, n),
        "mixture": mixture(codes, k_mix, n),
        "box": (low + (high - low) * u).astype(np.float32),
    }


def gaussian(codes: np.ndarray, key: jax.Array, n: int) -> np.ndarray:
    """n draws [n, k] from the Gaussian with the mean and covariance of codes [m, k]."""
    values, vectors = np.linalg.eigh(np.cov(codes, rowvar=False).reshape(codes.shape[1], -1))
    root = vectors * np.sqrt(np.maximum(values, 0))
    return codes.mean(0) + np.asarray(jax.random.normal(key, (n, codes.shape[1]))) @ root.T


def mixture(codes: np.ndarray, key: jax.Array, n: int) -> np.ndarray:
    """n draws [n, k] from a mixture of Gaussians fitted to codes [m, k] by scikit-learn.

    At most 30 components, one for every 50 codes; covariances are diagonal above 64 numbers.
    """
    seed = int(jax.random.randint(key, (), 0, 2**31 - 1))
    components = max(1, min(COMPONENTS, len(codes) // 50))
    kind = "full" if codes.shape[1] <= FULL else "diag"
    # The ridge is in the code's own units.
    ridge = 1e-4 * float(codes.var(0).mean()) + 1e-9
    fitted = GaussianMixture(
        components,
        covariance_type=kind,
        reg_covar=ridge,
        random_state=seed,
        max_iter=30,
        tol=1e-2,
        init_params="k-means++",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 30 rounds are near enough
        fitted.fit(codes.astype(np.float64))
    drawn = fitted.sample(n)[0].astype(np.float32)  # component by component
    return drawn[np.asarray(jax.random.permutation(key, n))]


def judged(study: Study, images: np.ndarray) -> dict[str, Any]:
    """What the classifier and the training set say about images [n, H, W, C] in [0,1].

    Returns:
      'recognizable', the share with a confidence over 0.9, and 'ones', the share whose most
      probable class is 1, each [share, its standard error]; 'confidence', the mean; 'class_shares'
      [classes], of the most probable class; 'nearest_training_distance', the median Euclidean
      distance in [0,1] pixel units.
    """
    p = study.classifier.probabilities(images)
    near = nearest_distance(np.clip(images, 0, 1), study.train.images)
    return {
        "recognizable": judge.share(p.max(1) > CONFIDENT),
        "ones": judge.share(p.argmax(1) == 1),
        "confidence": float(p.max(1).mean()),
        "class_shares": np.bincount(p.argmax(1), minlength=p.shape[1]) / len(p),
        "nearest_training_distance": float(np.median(near)),
    }


def chosen(study: Study, images: Mapping[str, np.ndarray]) -> str:
    """The sampler whose images the classifier is sure of most often."""
    return judge.best({name: study.classifier.recognisable(v) for name, v in images.items()})


def sentence(numbers: Any, control: Any) -> str:
    """The run against the other kind, dense against convolutional, from what `analyse` returns."""
    kind, sampler, other = numbers["run"], numbers["sampler"], numbers["other"]
    mine, theirs = numbers[f"{kind}: {sampler}"], numbers[other]
    real, works = control["test_images"], numbers["reconstructs"]
    ours, beside = Estimate(*mine["recognizable"]), Estimate(*theirs["recognizable"])
    gain = judge.difference(ours, beside)
    who = judge.verdict(
        f"the {kind}",
        f"the {other.partition(':')[0]}",
        gain,
        works["run"],
        theirs_works=works["other"],
    )
    normal = Estimate(*numbers[f"VAE: {STANDARD}"]["recognizable"])
    said = (
        f"{who}: {kind} {ours.text(100)} % recognizable by {sampler} (chosen on other draws), "
        f"{other} {beside.text(100)} %, VAE by N(0, I) {normal.text(100)} %, test images "
        f"{Estimate(*real['recognizable']).text(100)} %; nearest training image at "
        f"{mine['nearest_training_distance']:.1f}, of a test image "
        f"{real['nearest_training_distance']:.1f}"
    )
    return f"{said}; {_sentence_of_the_tutorial(numbers['tutorial'], real)}"


def _sentence_of_the_tutorial(rows: Any, real: Any) -> str:
    """Codes of N(0, 0.33^2), dense against convolutional."""
    words = []
    for name, row in rows.items():
        share, ones = (Estimate(*row[field]).text(100) for field in ("recognizable", "ones"))
        words.append(f"{name} {share} % recognizable, {ones} % ones")
    dense, conv = (Estimate(*rows[name]["recognizable"]) for name in TUTORIAL)
    works = [rows[name]["reconstructs"] for name in TUTORIAL]
    gain = judge.difference(dense, conv)
    who = judge.verdict("dense", "convolutional", gain, works[0], theirs_works=works[1])
    return (
        f"by the tutorial's N(0, {SIGMA}^2) on its tanh codes {' and '.join(words)} (test images "
        f"{100 * real['ones'][0]:.0f} % ones): {who}"
    )


def analyse(study: Study, key: jax.Array) -> Finding:
    """The run, beside it an autoencoder of the other kind, plain or variational; the tutorial's.

    The other has 16 codes and is trained for about 1,500 x effort steps. Samplers are fitted to the
    codes of 5,000 training images. A sampler is chosen by 600 samples, and 600 others are judged.
    The Keras tutorial decodes codes of N(0, 0.33^2), of its dense and its convolutional autoencoder
    with tanh codes; where the run is none of the two, they are trained for about 1,000 and 600 x
    effort steps.

    Returns:
      numbers: 'run', its kind, 'AE' or 'VAE'; 'sampler', the one chosen for it; 'other', the row it
        is compared with, the other kind by the same sampler (where it has none, by its own best);
        '<kind>: <sampler>', such as 'VAE: mixture': the dict of `judged`; 'tutorial': the same of
        'dense' and 'conv_pool', and whether each 'reconstructs', that is whether its error is below
        half of the mean image's; 'reconstructs': the same of the 'run' and the 'other'. 'standard
        normal' is for the VAE alone, whose codes are trained to lie so.
      control: 'test_images', the same of the study's; 'classifier_accuracy' in [0,1].

    Raises:
      NotApplicable: the data are not images of 8 x 8 pixels or more; they have no labels or one
        class; the decoder is told the label.
    """
    study.need_images()
    study.need_classes()
    study.need_unconditional()
    k_other, k_codes, k_tutorial = jax.random.split(key, 3)
    variational = study.run.model.prior is not None
    kinds = ("VAE", "AE") if variational else ("AE", "VAE")
    other = study.fit(k_other, 1500, DEEP if variational else VAE, {"model.code_size": 16})
    made = {
        kind: generated(run, study.train.images, k_codes)
        for kind, run in zip(kinds, (study.run, other), strict=True)
    }
    half = {kind: {n: v[SAMPLES:] for n, v in images.items()} for kind, images in made.items()}
    best = {
        kind: chosen(study, {n: v[:SAMPLES] for n, v in images.items()})
        for kind, images in made.items()
    }
    sampler = best[kinds[0]]
    beside = sampler if sampler in half[kinds[1]] else best[kinds[1]]
    images = {f"{kind}: {n}": v for kind, by_name in half.items() for n, v in by_name.items()}
    rows = {name: judged(study, v) for name, v in images.items()}
    narrow, tutorial = of_the_tutorial(study, k_tutorial)
    numbers = {
        "run": kinds[0],
        "sampler": sampler,
        "other": f"{kinds[1]}: {beside}",
        **rows,
        "tutorial": tutorial,
        "reconstructs": {
            "run": study.reconstructs,
            "other": study.with_run(other).reconstructs,
        },
    }
    control = {
        "test_images": judged(study, study.test.images),
        "classifier_accuracy": study.classifier.accuracy,
    }
    figures = _figures(images, rows, narrow, numbers, control)
    return Finding(numbers, control, sentence(numbers, control), figures)


def generated(run: Run, train: np.ndarray, key: jax.Array) -> dict[str, np.ndarray]:
    """Sampler -> images [1200, H, W, C] of random codes, from those of 5,000 images of `train`."""
    codes = samplers(run.encode(train[:5000]), key, 2 * SAMPLES)
    if run.model.prior is None:
        del codes[STANDARD]
    return {name: run.decode(z) for name, z in codes.items()}


def of_the_tutorial(study: Study, key: jax.Array) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """(images [600, H, W, C], their numbers) of N(0, 0.33^2), for the Keras tutorial's two models.

    The study's run is one of them if it has its kind of layers and tanh codes.
    """
    images, rows = {}, {}
    for i, (name, steps) in enumerate(TUTORIAL.items()):
        k_fit, k_codes = jax.random.split(jax.random.fold_in(key, i))
        run = study.run
        if not (
            run.config.encoder.name == name
            and run.config.encoder.code_activation == "tanh"
            and run.config.bottleneck.name == "identity"
        ):
            config = load_config(name).to_dict()
            slots = {part: config[part] for part in ("encoder", "decoder", "model")}
            run = study.fit(k_fit, steps, slots, TRAINED)
        z = SIGMA * jax.random.normal(k_codes, (SAMPLES, run.config.model.code_size))
        images[name] = run.decode(z)
        rows[name] = {
            **judged(study, images[name]),
            "reconstructs": study.with_run(run).reconstructs,
        }
    return images, rows


def _figures(
    images: Mapping[str, np.ndarray],
    rows: Mapping[str, Any],
    narrow: Mapping[str, np.ndarray],
    numbers: Mapping[str, Any],
    control: Mapping[str, Any],
) -> dict[str, Any]:
    def share(row: Any) -> str:
        return f"{100 * row['recognizable'].value:.0f} %"

    tutorial = {
        f"{name}\n{share(row)}, ones {100 * row['ones'].value:.1f} %": narrow[name][:36]
        for name, row in numbers["tutorial"].items()
    }
    shown = {
        f"{numbers['run']}: {numbers['sampler']}": images[
            f"{numbers['run']}: {numbers['sampler']}"
        ],
        numbers["other"]: images[numbers["other"]],
    }
    shares = {
        **{name: rows[name]["class_shares"] for name in shown},
        **{f"N(0, {SIGMA}²), {n}": row["class_shares"] for n, row in numbers["tutorial"].items()},
        "test images": control["test_images"]["class_shares"],
    }
    classes = {
        f"{c}": {name: 100 * values[c] for name, values in shares.items()}
        for c in range(len(shares["test images"]))
    }
    blocks = {f"{name}\n{share(rows[name])}": v[:36] for name, v in images.items()}
    title = "Random codes, decoded; the share with a confidence over 0.9"
    return {
        "": image_blocks(blocks, title, side=56),
        "tutorial": image_blocks(tutorial, f"As in the tutorial: codes of N(0, {SIGMA}²)"),
        "classes": grouped_bars(
            classes, "Which classes the samples are", "share (%)", xlabel="class"
        ),
    }
