"""The page of one finished run."""

import json
from pathlib import Path
from typing import Any

from ae_jax.config.sections import Config
from ae_jax.evaluate.advice import RULES, advise
from ae_jax.evaluate.metrics import psnr
from ae_jax.files import atomic
from ae_jax.resolve.config import flat
from ae_jax.resolve.slots import FIXED, SLOTS, of_penalty, of_section, of_slot

from .. import cli
from ..workdirs import finished, place, words
from . import page

OURS = "this run"
PLAYGROUND = "playground.html"  # in the work directory
USED = 0.01  # nats, of a number that is used


def write(run: finished.Record, out: str | None = None) -> Path:
    """Writes the page of one run; returns where."""
    c, s, said = run.config, run.summary, words.of_summary(run.summary)
    lead = page.paragraph(
        f"{c.encoder.name} → {c.model.code_size} → {c.decoder.name} on {s['dataset']}: "
        f"{s['params']:,} parameters, {s['n_train']:,} training {said.many}, {s['epochs']} epochs. "
        f"Errors are on all {s['n_test']:,} test {said.many}, `mse` {said.mse}.",
        "soft",
    )
    sections = [
        page.Section("result", "Result", page.join([tiles(run), playground(run), error_bars(run)])),
        page.Section("advice", "Advice", advice(run)),
        page.Section(
            "images", said.section, page.join([images(run), columns(run), strangest(run)])
        ),
        page.Section("training", "Training", training(run)),
        page.Section("samples", "Samples", generated(run)),
        page.Section("inside", "Inside", inside(run)),
        *applications(run),
        page.Section("config", "Config", config(run)),
        page.Section("record", "Record", record(run)),
    ]
    content = page.document(f"{c.name} on {place.short(s['dataset'])}", lead, sections)
    return atomic.write(out or run.path / "report.html", content)


def tiles(run: finished.Record) -> page.Markup:
    """The numbers to look at first."""
    test, shown = run.summary["test"], {}
    if "denoise" in run.summary:
        d = run.summary["denoise"]
        shown["mse after denoising"] = page.number(d["denoised_mse"])
        if d.get("linear_denoiser_mse") is not None:
            shown["that of the best linear denoiser"] = page.number(d["linear_denoiser_mse"])
    said = words.of_summary(run.summary)
    shown[f"mse on clean {said.many}"] = page.number(test["mse"])
    if "unexplained" in test:
        shown["fraction of variance unexplained"] = page.number(test["unexplained"])
    if "best" in run.summary:
        best = run.summary["best"]
        shown[f"mse with the best weights, of epoch {best['epoch']}"] = page.number(
            best["test"]["mse"]
        )
    if said is words.IMAGES:
        shown["dB, peak signal to noise"] = f"{test['psnr']:.1f}"
    if "bce" in test:
        floor = (
            f", of which {page.number(test['bce_floor'])} is the floor"
            if "bce_floor" in test
            else ""
        )
        shown[f"nats of cross-entropy{floor}"] = page.number(test["bce"])
    for name, value in run.summary.get("manifold", {}).items():
        shown[name.replace("_", " ")] = page.number(value)
    timing = run.summary.get("timing", {})
    if "wall_s" in timing:
        shown["seconds"] = page.number(timing["wall_s"])
    if "train_images_per_s" in timing:
        shown[f"training {said.many} per second"] = page.number(timing["train_images_per_s"])
    return page.tiles(shown)


def playground(run: finished.Record) -> page.Markup:
    """A link to the page of `experiments.playground`, where it is there."""
    if not (run.path / PLAYGROUND).is_file():
        return page.Markup()
    return page.link(PLAYGROUND, "Try the network in the browser")


def error_bars(run: finished.Record) -> page.Markup:
    """Bars of the error on clean and on corrupted images, each beside what it must beat."""
    c, d = finished.baselines(run.summary), run.summary.get("denoise", {})
    said = words.of_summary(run.summary)
    shown = _with_db if said is words.IMAGES else page.number
    named = finished.BASELINES | {"mean_image": said.mean}
    clean = {OURS: run.summary["test"]["mse"], **{named[k]: value for k, value in c.items()}}
    parts = [page.heading(f"Error on clean {said.many}"), page.bars(clean, shown, OURS)]
    if "pca" not in c:
        why = f"{finished.BASELINES['pca']}, {finished.copies(run.summary)}."
        parts.append(page.paragraph(why, "soft"))
    if d:
        noisy = {
            OURS: d["denoised_mse"],
            "the best linear denoiser": d.get("linear_denoiser_mse"),
            f"the corrupted {said.one} as it is": d["noisy_mse"],
        }
        known = {name: value for name, value in noisy.items() if value is not None}
        parts = [
            page.heading(f"Error on corrupted {said.many}"),
            page.bars(known, shown, OURS),
            *parts,
        ]
    return page.join(parts)


def _with_db(mse: float) -> str:
    return f"{page.number(mse)} ({psnr(mse):.1f} dB)" if mse > 1e-12 else "0"


def advice(run: finished.Record) -> page.Markup:
    """What the numbers suggest, or what was looked for."""
    found = advise(run.config, run.summary, run.rows)
    if not found:
        return page.paragraph(f"No issues found. Checked: {', '.join(RULES)}.", "soft")
    return page.advice(found)


def images(run: finished.Record) -> page.Markup:
    """What comes out."""
    return page.pictures(
        [
            _figure(run, "denoising", "corrupted test images, outputs, clean images"),
            _figure(run, "reconstructions", "test images over their reconstructions"),
            _figure(run, "field", "where points are moved"),
            _figure(run, "unrolled", "a curve in space and its one code"),
            _figure(run, "signals", "test signals and their reconstructions", "chart"),
            _figure(run, "columns", "what is left of every column", "chart"),
        ]
    )


def columns(run: finished.Record) -> page.Markup:
    """The error of every column in its own units."""
    if not (found := run.summary.get("columns")):
        return page.Markup()
    header = ["column", "root mean squared error, its units", "fraction of variance unexplained"]
    rows = []
    for c in found:
        left = page.number(c["unexplained"]) if "unexplained" in c else "constant"
        rows.append((c["name"], page.number(c["rmse"]), left))
    return page.details(f"all {len(found)} columns", page.table(header, rows))


def strangest(run: finished.Record) -> page.Markup:
    """The test rows that are reconstructed worst, and what makes them strange."""
    if not (found := run.summary.get("strangest")):
        return page.Markup()
    labelled = "label" in found[0]
    header = ["row of the test set", *(["label"] if labelled else []), "squared error"]
    rows = []
    for strange in found:
        reasons = "; ".join(
            f"{r['column']} {_value(r['value'])}, expected {_value(r['expected'])} "
            f"({r['share']:.0%} of the error)"
            for r in strange["reasons"]
        )
        label = [strange["label"]] if labelled else []
        rows.append((str(strange["row"]), *label, page.number(strange["score"]), reasons))
    table = page.table([*header, "what makes it strange"], rows)
    return page.details("the strangest test rows", table)


def _value(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


def training(run: finished.Record) -> page.Markup:
    """Curves, and the same images from epoch to epoch."""
    curves = page.join(
        [
            _figure(run, "curves", "loss and error against the epoch", "chart"),
            _figure(run, "terms", "every term of the loss against the epoch", "chart"),
        ]
    )
    film = page.picture(run.path / "figures" / "progress.gif", "reconstructions, epoch by epoch")
    strip = _figure(run, "progress", "reconstructions after some epochs")
    return page.join([curves, page.pictures([strip, film])])


def inside(run: finished.Record) -> page.Markup:
    """First layer and code."""
    code = run.summary.get("code", {})
    words = ", ".join(f"{k.replace('_', ' ')} {page.number(v)}" for k, v in code.items())
    return page.join(
        [
            page.paragraph(f"The code on the test set: {words}.") if words else page.Markup(),
            page.pictures(
                [
                    _figure(run, "code_scatter_2d", "codes in the plane", "chart", "examples"),
                    _figure(run, "code_scatter_3d", "codes in space", "chart", "examples"),
                ]
            ),
            page.pictures(
                [
                    _figure(run, "code_histograms", "histograms of code coordinates", "chart"),
                    _figure(run, "filters", "filters of the first layer"),
                    _figure(run, "linear_maps", "the model as matrices"),
                ]
            ),
            page.contact_sheet(
                run.path / "figures" / "examples.png", "the images of these codes", "examples"
            ),
        ]
    )


def generated(run: finished.Record) -> page.Markup:
    """Of a variational model what it draws, what its numbers do, and what they cost."""
    kl = run.summary.get("kl", [])
    used = sum(number > USED for number in kl)
    words = f"{page.number(sum(kl))} nats; {used} of {len(kl)} numbers cost more than {USED} each."
    return page.join(
        [
            page.paragraph(f"The KL of the code on the test set: {words}") if kl else page.Markup(),
            page.pictures(
                [
                    _figure(run, "samples", "images of random codes"),
                    _figure(run, "traversals", "a number of the code at a time moved"),
                    _figure(run, "kl", "KL of every number of the code", "chart"),
                ]
            ),
        ]
    )


def _figure(
    run: finished.Record, name: str, alt: str, kind: str = "data", sheet: str = ""
) -> page.Markup:
    return page.figure(run.path / "figures" / f"{name}.png", alt, kind, sheet=sheet)


def applications(run: finished.Record) -> list[page.Section]:
    """What `experiments.analyse` found, where it was asked."""
    if not (run.path / "analysis").is_dir():
        how = f"`{cli.command('analyse')} --workdir={run.path}` runs them."
        return [page.Section("applications", "Applications", page.paragraph(how, "soft"))]
    from ae_jax.analysis import APPLICATIONS

    from . import gallery

    found = gallery.records(run.path, list(APPLICATIONS))
    parts = [
        page.join([page.heading(name.replace("_", " ")), gallery.shown(run.path, name, r)])
        for name, r in gallery.done(found).items()
    ]
    for why in gallery.UNDONE:
        if reasons := gallery.undone(found, why):
            parts.append(page.details(why, reasons))
    return [page.Section("applications", "Applications", page.join(parts))]


def config(run: finished.Record) -> page.Markup:
    """What differs from the defaults, and all of it."""
    default = defaults(run.config)
    changed = [
        (page.text(f"`{field}`"), page.setting(value), page.setting(default[field]))
        for field, value in flat(run.config.to_dict())
        if field in default and default[field] != value
    ]
    everything = json.dumps(run.config.to_dict(), indent=1)
    return page.join(
        [
            page.table(["field", "value", "default"], changed),
            page.details("all fields", page.preformatted(everything)),
        ]
    )


def defaults(config: Config) -> dict[str, Any]:
    """Every field's default, of the choices this config makes; of their names, the default choice.

    A penalty has none: its weight is always shown.
    """
    found: dict[str, Any] = {section: of_section(section, {}) for section in FIXED}
    for name, slot in SLOTS.items():
        chosen = getattr(config, name).name
        found[name] = {**of_slot(name, chosen, {}), "name": slot.default}
    found["penalties"] = {
        name: {**of_penalty(name, {}), "weight": "no such penalty"} for name in config.penalties
    }
    return dict(flat({"seed": 0, **found}))


def record(run: finished.Record) -> page.Markup:
    """Everything that says which run this was."""
    s = run.summary
    known = {
        "directory": str(run.path),
        "seed": "none: see its key" if s.get("seed") is None else s["seed"],
        "steps": f"{s['steps']:,}",
        "device": s.get("device", ""),
        **{f"{n}, version": v for n, v in s.get("versions", {}).items()},
        **{n.replace("_", " "): page.number(v) for n, v in s.get("timing", {}).items()},
        "SHA-256 of the parameters": page.text(f"`{s.get('params_sha256', '')}`"),
    }
    return page.join(
        [
            page.table([], known.items()),
            page.paragraph(f'In a notebook: `ae_jax.restore("{run.path}")`.', "soft"),
        ]
    )
