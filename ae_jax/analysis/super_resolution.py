"""Super-resolution: 7 x 7 and 14 x 14 pixels to 28 x 28, against bicubic interpolation.

The network is a denoising autoencoder whose noise is the loss of resolution. What it gives can be
made to agree with what is known: the closest image whose means are the given ones. How much of it
is drawn from what it has seen is measured: one network is trained without a class and given images
of that class. Most of the digits come out as that class all the same.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ae_jax.analysis import denoising, judge
from ae_jax.analysis.energy import closest, prior_of
from ae_jax.analysis.finding import Finding, NotApplicable, Study, image_errors
from ae_jax.evaluate import baselines
from ae_jax.evaluate.metrics import psnr
from ae_jax.figures import image_rows
from ae_jax.figures.panels import grouped_bars
from ae_jax.model.corruption import enlarge, shrink
from ae_jax.run.trained import Run

FACTORS = (2, 4)
ENERGY_IMAGES = 100
MISSING = 5  # the class that the biased network never sees: at 7 x 7 it looks like 3, 6 and 8
NETWORK = {
    "encoder": {"code_activation": "relu"},
    "decoder": {"output": "sigmoid"},
    "model": {"code_size": 600, "init": "he"},
    "optim": {"learning_rate": 2e-3, "schedule": "cosine"},
    "train": {"batch_size": 128},
}
STEPS = 1200


def bicubic(small: Any, factor: int) -> np.ndarray:
    """The control: small images [n, h, w, C] enlarged `factor` times, clipped to [0,1]."""
    return np.clip(np.asarray(enlarge(jnp.asarray(small), factor)), 0, 1)


def consistent(images: Any, small: Any, factor: int) -> np.ndarray:
    """The closest images whose means over factor x factor pixels are `small` (then clipped).

    x + A^T (y - A x) with A^T repeating a pixel: the orthogonal projection, as A A^T is a multiple
    of the identity.
    """
    wrong = np.asarray(small) - np.asarray(shrink(jnp.asarray(images), factor))
    return np.clip(images + wrong.repeat(factor, 1).repeat(factor, 2), 0, 1)


def upscale(run: Run, small: Any, factor: int) -> np.ndarray:
    """[n, h, w, C] -> [n, H, W, C] by a run trained on `downscale` of that factor, `consistent`."""
    return consistent(
        run.reconstruct(np.asarray(enlarge(jnp.asarray(small), factor))), small, factor
    )


def by_two(image: jax.Array, datum: Any) -> jax.Array:
    """The operator of energy minimisation at factor 2: [H, W, C] -> means [H / 2, W / 2, C]."""
    return shrink(image[None], 2)[0]


def by_four(image: jax.Array, datum: Any) -> jax.Array:
    """At factor 4."""
    return shrink(image[None], 4)[0]


def by_energy(run: Run, small: np.ndarray, factor: int, train: np.ndarray) -> np.ndarray:
    """The closest point of any run's manifold to what is known, from two starts, `consistent`.

    [n, h, w, C] -> [n, H, W, C]; the starts are the codes of the bicubic image and the mean code of
    `train`; the factor is 2 or 4 (else KeyError).
    """
    start = run.encode(np.clip(enlarge(jnp.asarray(small), factor), 0, 1))
    mean = np.broadcast_to(run.encode(train).mean(0), start.shape)
    data = (jnp.asarray(small), jnp.zeros(len(small)))
    operator = {2: by_two, 4: by_four}[factor]
    found = closest(run, prior_of(run, train), operator, data, [start, mean])
    return consistent(run.decode(np.asarray(found.x)), small, factor)


def linear(study: Study, run: Run, small: np.ndarray, factor: int, key: jax.Array) -> Any:
    """The learnt control: the best affine map of enlarged training images, `consistent`.

    None where there are too many pixels to solve for.
    """
    W = baselines.linear_denoiser(run.model, study.data.train.images, key)
    if W is None:
        return None
    large = np.asarray(enlarge(jnp.asarray(small), factor))
    return consistent(denoising.linear(W, large, run.model.scale), small, factor)


def enlarged(study: Study, run: Run, factor: int, key: jax.Array) -> dict[str, np.ndarray]:
    """Way -> the study's test images made small and enlarged again; the energy of the first 100."""
    small = np.asarray(shrink(jnp.asarray(study.test.images), factor))
    made = {
        "bicubic": bicubic(small, factor),
        "linear": linear(study, run, small, factor, key),
        "network": upscale(run, small, factor),
    }
    if not study.run.model.conditional:
        made["energy"] = by_energy(study.run, small[:ENERGY_IMAGES], factor, study.train.images)
    return {"input": small, **{way: v for way, v in made.items() if v is not None}}


def gains(made: dict[str, np.ndarray], truth: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
    """(numbers, the controls') of images enlarged in several ways, as `analyse` returns them."""
    errors = {way: image_errors(v, truth[: len(v)]) for way, v in made.items() if way != "input"}
    db = {way: psnr(float(v.mean())) for way, v in errors.items()}
    over = judge.decibels(errors["network"], errors["bicubic"])
    numbers = {f"{way}_psnr_db": db[way] for way in ("network", "energy") if way in db}
    numbers |= {"gain_db": over.value, "gain_error_db": over.error}
    control = {"psnr_db": db["bicubic"]}
    if "linear" in db:
        more = judge.decibels(errors["network"], errors["linear"])
        numbers |= {"gain_over_linear_db": more.value, "gain_over_linear_error_db": more.error}
        control["linear_psnr_db"] = db["linear"]
    return numbers, control


def sentence(numbers: Any, control: Any) -> str:
    """Who wins at each size, and what a missing class does, from what `analyse` returns."""
    words = []
    for size in [name for name in numbers if " x " in name]:
        row, theirs = numbers[size], control[size]
        name, field, db = "bicubic", "gain", theirs["psnr_db"]
        if theirs.get("linear_psnr_db", db) > db:  # of the controls the better one
            name, field = "the best linear map", "gain_over_linear"
        gain = judge.Estimate(row[f"{field}_db"], row[f"{field}_error_db"])
        linear = f", linear {theirs['linear_psnr_db']:.1f}" if "linear_psnr_db" in theirs else ""
        words.append(
            f"{size}: {judge.verdict('the network', name, gain)}, {gain.text(sign=True)} dB "
            f"(the network {row['network_psnr_db']:.1f}{linear}, bicubic {theirs['psnr_db']:.1f})"
        )
    return "; ".join([*words, _class_words(numbers["without_the_class"], control)])


def _class_words(row: Any, control: Any) -> str:
    if "skipped" in row:
        return f"without a class: skipped, {row['skipped']}"
    change = judge.Estimate(row["change"], row["change_error"])
    seen = 100 * control["with_the_class"]["recognised_as_it"]
    return (
        f"of class {row['class_name']}, which it never saw, a network makes that class in "
        f"{100 * row['recognised_as_it']:.0f} % of cases, one that saw it in {seen:.0f} % "
        f"({change.text(100, sign=True)} points)"
    )


def analyse(study: Study, key: jax.Array) -> Finding:
    """Networks for both factors, the run's own manifold, and one network that misses a class.

    Networks of 600 units, each trained for about 1,200 x effort steps on all training images; a
    third without class 5 (the most frequent where there is no 5). PSNR is of the study's test
    images, that of the energy of the first 100.

    Returns:
      numbers: for H/2 x W/2 and H/4 x W/4, such as '14 x 14', {'network_psnr_db', 'energy_psnr_db'
        (not of a conditional run), 'gain_db' of the network over bicubic with its standard error
        'gain_error_db', 'gain_over_linear_db' and its error}, all in dB; 'without_the_class':
        {'class', its 'class_name', 'recognised_as_it' (the share in [0,1] of its test images that
        the classifier takes for it at factor 4), 'change' of it against the network that saw the
        class and its 'change_error', 'shares' [classes] of what they are taken for}, or
        {'skipped': why}.
      control: the same sizes, {'psnr_db' of bicubic, 'linear_psnr_db' of the best affine map of the
        training images where they have at most 4,096 pixels}; 'with_the_class' as
        'without_the_class', of the network for factor 4 that saw all classes.

    Raises:
      NotApplicable: the data are not images of 8 x 8 pixels or more, or their sides no multiples
        of 4.
    """
    study.need_images()
    H, W, _ = study.run.model.shape
    if H % 4 or W % 4:
        raise NotApplicable(f"images of {H} x {W} do not divide into 4 x 4 pixels")
    numbers: dict[str, Any] = {}
    control: dict[str, Any] = {}
    shown: dict[str, np.ndarray] = {}
    networks = {}
    for factor in FACTORS:
        name = f"{H // factor} x {W // factor}"
        k_fit, k_linear = jax.random.fold_in(key, factor), jax.random.fold_in(key, 100 + factor)
        networks[factor] = network(study, k_fit, factor)
        made = enlarged(study, networks[factor], factor, k_linear)
        numbers[name], control[name] = gains(made, study.test.images)
        shown |= _labelled(name, made, numbers[name] | control[name], " " * factor)
    figures = {"": image_rows({**shown, "truth": study.test.images[:12]}, "Test images, enlarged")}
    try:
        pair, more = biased(study, key, networks[4])
        numbers["without_the_class"], control["with_the_class"] = pair
        figures |= more
    except NotApplicable as reason:
        numbers["without_the_class"] = {"skipped": str(reason)}
    return Finding(numbers, control, sentence(numbers, control), figures)


def _labelled(size: str, made: Any, found: dict[str, Any], pad: str) -> dict[str, np.ndarray]:
    """Rows of a figure: the input, and each way with its PSNR."""
    field = {"bicubic": "psnr_db"}
    names = {w: f"{w}, {found[field.get(w, f'{w}_psnr_db')]:.1f} dB" for w in made if w != "input"}
    return {{"input": f"input {size}", **names}[w] + pad: v[:12] for w, v in made.items()}


def network(study: Study, key: jax.Array, factor: int, images: Any = None) -> Run:
    """A network for one factor, trained on the training set or on other images [n, H, W, C]."""
    noise = {"corruption": {"name": "downscale", "factor": factor}}
    return study.fit(key, STEPS, NETWORK, noise, images=images)


def missing_class(study: Study) -> int:
    """The class to leave out: 5, or the most frequent one where no training image is a 5.

    Raises:
      NotApplicable: there are no labels, or one class; no test image is of the class.
    """
    labels, seen = study.need_classes()
    kinds, counts = np.unique(labels, return_counts=True)
    missing = MISSING if MISSING in kinds else int(kinds[counts.argmax()])
    if missing not in seen:
        raise NotApplicable(f"no test image is of class {study.named(missing)}")
    return missing


def biased(study: Study, key: jax.Array, unbiased: Run) -> Any:
    """((numbers without, with the class), two figures): what a missing class turns into.

    Raises:
      NotApplicable: as `missing_class`.
    """
    missing = missing_class(study)
    name = study.named(missing)
    labels, seen = study.need_classes()
    train, others = study.data.train.images, np.flatnonzero(labels != missing)
    # As many images as before, some of them twice: the compiled program is then the same.
    images = train[np.resize(others, len(train))]
    blind = network(study, jax.random.fold_in(key, missing), 4, images)
    truth = study.test.images[seen == missing]
    small = np.asarray(shrink(jnp.asarray(truth), 4))
    made = {n: upscale(r, small, 4) for n, r in (("without", blind), ("with", unbiased))}
    taken = {n: study.classifier.probabilities(v).argmax(1) for n, v in made.items()}
    change = judge.gain(taken["without"] == missing, taken["with"] == missing)
    shares = {
        n: np.bincount(v, minlength=study.classifier.network.classes) / len(v)
        for n, v in taken.items()
    }
    numbers = [
        {
            "class": missing,
            "class_name": name,
            "recognised_as_it": shares[n][missing],
            "shares": shares[n],
        }
        for n in ("without", "with")
    ]
    numbers[0] |= {"change": change.value, "change_error": change.error}
    rows = {
        "input": small,
        "trained without": made["without"],
        "trained with": made["with"],
        "truth": truth,
    }
    title = f"Super-resolution by a network that never saw class {name}"
    return numbers, {
        "bias": image_rows({n: v[:12] for n, v in rows.items()}, title),
        "classes": _classes(study, shares, name),
    }


def _classes(study: Study, shares: dict[str, np.ndarray], missing: str) -> Any:
    bars = {
        study.named(c): {f"trained {n}": 100 * v[c] for n, v in shares.items()}
        for c in range(len(shares["with"]))
    }
    return grouped_bars(bars, f"What class {missing} is taken for", "share (%)", xlabel="class")
