"""Super-resolution: 7 x 7 and 14 x 14 pixels to 28 x 28, against bicubic interpolation.

The network is a denoising autoencoder whose noise is the loss of resolution. What it gives can be
made to agree with what is known: the closest image whose means are the given ones. And it can only
give what it has seen: trained without a class, it turns that class into others.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ae_jax.analysis.energy import closest, prior_of
from ae_jax.analysis.finding import Finding, NotApplicable, Study, mse
from ae_jax.api import Run
from ae_jax.corruption import enlarge, shrink
from ae_jax.evaluation import psnr
from ae_jax.figures import image_rows
from ae_jax.panels import grouped_bars

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


def analyse(study: Study, key: jax.Array) -> Finding:
    """Networks for both factors, the run's own manifold, and one network that misses a class.

    Networks of 600 units, each trained for about 1,200 x effort steps on all training images, with
    labels a third without class 5 (the first image's where there is no 5). PSNR is of the study's
    test images, that of the energy of the first 100.

    Returns:
      numbers: for H/2 x W/2 and H/4 x W/4, such as '14 x 14', {'network_psnr_db', 'energy_psnr_db'
        (not of a conditional run), 'gain_db' of the network over bicubic}, all in dB; with labels
        'without_the_class': {'class', 'recognised_as_it' (the share in [0,1] of its test images
        that the classifier takes for it at factor 4), 'shares' [classes] of what they are taken
        for}.
      control: the same sizes, {'psnr_db'} of bicubic; 'with_the_class' as 'without_the_class', of
        the network for factor 4 that saw all classes.

    Raises:
      NotApplicable: the data are not images of 8 x 8 pixels or more, or their sides no multiples
        of 4.
    """
    study.need_images()
    H, W, _ = study.run.model.shape
    if H % 4 or W % 4:
        raise NotApplicable(f"images of {H} x {W} do not divide into 4 x 4 pixels")
    truth, train = study.test.images, study.train.images
    table: dict[str, dict[str, float]] = {}
    shown: dict[str, np.ndarray] = {}
    networks = {}
    for factor in FACTORS:
        name = f"{H // factor} x {W // factor}"
        small = np.asarray(shrink(jnp.asarray(truth), factor))
        networks[factor] = network(study, jax.random.fold_in(key, factor), factor)
        made = {
            "bicubic": bicubic(small, factor),
            "network": upscale(networks[factor], small, factor),
        }
        if not study.run.config.model.classes:
            made["energy"] = by_energy(study.run, small[:ENERGY_IMAGES], factor, train)
        table[name] = {way: psnr(mse(v, truth[: len(v)])) for way, v in made.items()}
        shown[f"input {name}"] = small
        for way, v in made.items():
            shown[f"{way}, {table[name][way]:.1f} dB" + " " * factor] = v
    shown["truth"] = truth
    gains = {name: row["network"] - row["bicubic"] for name, row in table.items()}
    sentence = "; ".join(
        f"{name}: {'the network' if gain > 0 else 'bicubic'} wins, "
        f"{table[name]['network']:.1f} dB, bicubic {table[name]['bicubic']:.1f}"
        for name, gain in gains.items()
    )
    numbers: dict[str, Any] = {
        name: {f"{way}_psnr_db": v for way, v in row.items() if way != "bicubic"} | {"gain_db": g}
        for (name, row), g in zip(table.items(), gains.values(), strict=True)
    }
    control: dict[str, Any] = {name: {"psnr_db": row["bicubic"]} for name, row in table.items()}
    figures = {"": image_rows({n: v[:12] for n, v in shown.items()}, "Test images, enlarged")}
    if study.data.train.labels is not None and study.data.test.labels is not None:
        bias, said, figures["bias"], figures["classes"] = biased(study, key, networks[4])
        numbers["without_the_class"], control["with_the_class"] = bias
        sentence += said
    return Finding(numbers, control, sentence, figures)


def network(study: Study, key: jax.Array, factor: int, images: Any = None) -> Run:
    """A network for one factor, trained on the training set or on other images [n, H, W, C]."""
    noise = {"corruption": {"name": "downscale", "factor": factor}}
    return study.fit(key, STEPS, NETWORK, noise, images=images)


def biased(study: Study, key: jax.Array, unbiased: Run) -> Any:
    """((numbers without, with the class), words, two figures): what a missing class turns into."""
    train, test = study.data.train, study.test
    assert train.labels is not None and test.labels is not None
    missing = MISSING if MISSING in train.labels else int(train.labels[0])
    others = np.flatnonzero(train.labels != missing)
    # As many images as before, some of them twice: the compiled program is then the same.
    images = train.images[np.resize(others, len(train.images))]
    blind = network(study, jax.random.fold_in(key, missing), 4, images)
    truth = test.images[test.labels == missing]
    small = np.asarray(shrink(jnp.asarray(truth), 4))
    made = {n: upscale(r, small, 4) for n, r in (("without", blind), ("with", unbiased))}
    shares = {}
    for n, v in {**made, "truth": truth}.items():
        p = study.classifier.probabilities(v)
        shares[n] = np.bincount(p.argmax(1), minlength=p.shape[1]) / len(p)
    numbers = [
        {"class": missing, "recognised_as_it": shares[n][missing], "shares": shares[n]}
        for n in ("without", "with")
    ]
    rows = {
        "input": small,
        "trained without": made["without"],
        "trained with": made["with"],
        "truth": truth,
    }
    words = (
        f"; a network that never saw class {missing} makes it one in "
        f"{100 * shares['without'][missing]:.0f} % of cases, "
        f"{100 * shares['with'][missing]:.0f} % otherwise"
    )
    classes = {
        str(c): {f"trained {n}": 100 * shares[n][c] for n in ("without", "with")}
        for c in range(len(shares["truth"]))
    }
    title = f"Super-resolution by a network that never saw class {missing}"
    return (
        numbers,
        words,
        image_rows({n: v[:12] for n, v in rows.items()}, title),
        grouped_bars(classes, f"What class {missing} is taken for", "share (%)", xlabel="class"),
    )
