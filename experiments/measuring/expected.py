"""Which run each application is given on full MNIST, and the thresholds its numbers must reach."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

RUNS: dict[str, tuple[str, dict[str, Any]]] = {  # application -> the config whose run it is given
    "pca": ("linear:optimum,centred", {}),
    "code_size": ("nested", {}),
    "denoising": ("denoise:published", {}),
    "super_resolution": ("denoise:published", {}),
    "classification": ("warp", {"train.epochs": 12}),
    "copying": ("denoise:published", {}),
    "filters": ("denoise:published", {}),
    "manifold": ("denoise:published", {}),
}
OTHERS: tuple[str, dict[str, Any]] = ("vae:deep", {"train.epochs": 30})
# Rows of their own, <application>/<config>: the same application on a tutorial's own model.
TUTORIALS: dict[str, tuple[str, dict[str, Any]]] = {
    "interpolation/conv_strided": ("conv_strided:published", {}),
    "transformations/conv_strided": ("conv_strided:published", {}),
    "generation/dense": ("dense", {"train.epochs": 50}),
    "code_space/dense": ("dense", {"train.epochs": 50}),
    "off_manifold/dense": ("dense", {"train.epochs": 50}),
}
# The same on models of later papers.
PAPERS: dict[str, tuple[str, dict[str, Any]]] = {
    "compression/fsq": ("fsq:ternary", {"train.epochs": 30}),
    "compression/vq": ("vq", {"train.epochs": 30}),
    "generation/aae": ("aae", {"train.epochs": 30}),
    "generation/wae": ("wae", {"train.epochs": 30}),
}
OF_ONE_MODEL = {**TUTORIALS, **PAPERS}
VERSION = 2  # of what the applications measure: numbers of an earlier one are measured anew


def application_of(row: str) -> str:
    """The application that a row of measurements is of."""
    return row.partition("/")[0]


def rows_of(applications: Iterable[str]) -> list[str]:
    """Each application, and behind it the rows of models of their own."""
    return [
        row
        for name in applications
        for row in (name, *(r for r in OF_ONE_MODEL if application_of(r) == name))
    ]


class Threshold(NamedTuple):
    """`value` of an entry must be at least `least`; with None it is shown and not judged."""

    what: str
    value: Callable[[Any], float]  # (numbers, baseline's numbers) -> a number
    least: float | None = None


def _gain(e: Any, kind: str, way: str) -> float:
    """dB of a learned way over the best classical one."""
    numbers, control = e
    return numbers[kind][way]["psnr_db"] - max(v["psnr_db"] for v in control[kind].values())


def _gap(e: Any, kind: str, way: str) -> float:
    """dB of the minimum of the energy over another learned way."""
    return e[0][kind]["energy"]["psnr_db"] - e[0][kind][way]["psnr_db"]


def _over_linear(e: Any, kind: str, way: str) -> float:
    """dB of a learned way over the best linear map from the pixels that are there."""
    numbers, control = e
    return numbers[kind][way]["psnr_db"] - control["linear"][kind]["psnr_db"]


def _half_way(e: Any) -> float:
    """Points of confidence of the line in the code over the line in pixels."""
    return 100 * (e[0]["code"]["midpoint_confidence"] - e[1]["pixels"]["midpoint_confidence"])


def _sampled(e: Any) -> float:
    """Recognizable share of the run's samples, in percent."""
    return 100 * e[0][f"{e[0]['run']}: {e[0]['sampler']}"]["recognizable"][0]


def _by_prior(e: Any) -> float:
    """Recognizable share of the run's draws from N(0, I), in percent."""
    return 100 * e[0][f"{e[0]['run']}: standard normal"]["recognizable"][0]


def _coded(e: Any) -> float:
    """dB of a run's quantized codes over the best PCA of as many bits."""
    return e[0]["run"]["quantized"]["gain_db"][0]


def _narrow(e: Any, model: str, field: str) -> float:
    """A share of the tutorial's samples, in percent."""
    return 100 * e[0]["tutorial"][model][field][0]


_SAMPLES = [
    Threshold("recognizable share by the sampler chosen on other draws (%)", _sampled, 75.0),
    Threshold("N(0, I), recognizable share (%)", _by_prior),
]
_CODED = [Threshold("dB over the best PCA of as many bits", _coded, 3.0)]
THRESHOLDS: dict[str, list[Threshold]] = {
    "inpainting": [
        Threshold(
            "scattered pixels in one pass, dB over the best classical method",
            lambda e: _gain(e, "scattered pixels", "denoiser, one pass"),
            3.0,
        ),
        Threshold(
            "scattered pixels in one pass, dB over the best linear filling",
            lambda e: _over_linear(e, "scattered pixels", "denoiser, one pass"),
        ),
        Threshold(
            "box by energy, dB over the best linear filling",
            lambda e: _over_linear(e, "gray box", "energy"),
        ),
        Threshold(
            "box by energy, dB over the best classical method",
            lambda e: _gain(e, "gray box", "energy"),
            0.0,
        ),
        Threshold(
            "box by energy, dB over one feed-forward pass of the same network",
            lambda e: _gap(e, "gray box", "the run, one pass"),
            0.0,
        ),
        Threshold(
            "box by energy, dB over the denoiser's pass",
            lambda e: _gap(e, "gray box", "denoiser, one pass"),
            0.0,
        ),
    ],
    "super_resolution": [
        Threshold("14 to 28, dB over bicubic", lambda e: e[0]["14 x 14"]["gain_db"], 2.0),
        Threshold("7 to 28, dB over bicubic", lambda e: e[0]["7 x 7"]["gain_db"], 4.0),
        Threshold(
            "14 to 28, dB over the best linear map",
            lambda e: e[0]["14 x 14"]["gain_over_linear_db"],
        ),
        Threshold(
            "7 to 28, dB over the best linear map", lambda e: e[0]["7 x 7"]["gain_over_linear_db"]
        ),
    ],
    "anomaly": [
        Threshold("one class, mean AUROC (%)", lambda e: 100 * e[0]["one_class"]["mean"], 95.5),
        Threshold("one class, digit 8 (%)", lambda e: 100 * e[0]["one_class"]["8"], 90.0),
    ],
    "classification": [
        Threshold(
            "nearest neighbors, points over PCA",
            lambda e: 100 * (e[0]["nearest_neighbors"] - e[1]["pca"]["nearest_neighbors"]),
            0.0,
        ),
        Threshold(
            "linear probe, points over PCA",
            lambda e: 100 * (e[0]["linear_probe"] - e[1]["pca"]["linear_probe"]),
            5.0,
        ),
    ],
    "interpolation": [Threshold("confidence half-way, points over pixels", _half_way, 5.0)],
    "interpolation/conv_strided": [Threshold("confidence half-way, points over pixels", _half_way)],
    "generation": [
        Threshold("recognizable share by the sampler chosen on other draws (%)", _sampled, 80.0),
        Threshold(
            "VAE by N(0, I), recognizable share (%)",
            lambda e: 100 * e[0]["VAE: standard normal"]["recognizable"][0],
        ),
    ],
    "generation/aae": _SAMPLES,
    "generation/wae": _SAMPLES,
    "generation/dense": [
        Threshold(
            "N(0, 0.33²), recognizable share (%)", lambda e: _narrow(e, "dense", "recognizable")
        ),
        Threshold("N(0, 0.33²), ones (%)", lambda e: _narrow(e, "dense", "ones")),
        Threshold(
            "N(0, 0.33²), the tutorial's convolutions, recognizable share (%)",
            lambda e: _narrow(e, "conv_pool", "recognizable"),
        ),
    ],
    "compression/fsq": _CODED,
    "compression/vq": _CODED,
    "caption": [Threshold("agreement (%)", lambda e: 100 * e[0]["agreement"], 95.0)],
    "compression": [
        Threshold(
            "least dB over PCA at any size",
            lambda e: min(
                e[0]["psnr_db"][k][-1] - e[1]["pca_psnr_db"][k][-1] for k in e[0]["psnr_db"]
            ),
            0.0,
        ),
    ],
}
