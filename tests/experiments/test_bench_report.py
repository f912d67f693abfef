"""The bench's tables, its chart, its shares and means, from numbers by hand."""

import pytest

from experiments import bench
from experiments.benchmarks import report

RESULT = {
    "date": "2026-01-02",
    "machine": {"cpu": "Some CPU", "cores": 2},
    "versions": {"jax": "1.2", "torch": "3.4"},
    "rounds": 3,
    "peak_gflops": 200.0,
    "rows": [],
    "geomeans": {},
}
TRAINED = {"kind": "train", "gflops": 50.0, "peak_gflops": 200.0, "compile_s": 1.5,
           "images_per_s": 1234, "compiled_ms": None, "compiled_ratio": None}  # fmt: skip
OTHERS = [
    {"name": "encode:x", "kind": "encode", "ours_ms": 2.0, "torch_ms": 3.0, "ratio": 1.5,
     "ours_images_per_s": 3_000_000, "torch_images_per_s": 2_000_000},
    {"name": "penalty:x", "kind": "penalty", "ours_ms": 1.25, "torch_ms": 25.0, "ratio": 20.0,
     "torch_jacfwd_ms": 1234.5, "torch_loop_ms": 40.0},
    {"name": "sweep:x", "kind": "sweep", "ours_ms": 1.0, "torch_ms": None, "ratio": 1.5,
     "singles_ms": 1.5, "method": "vmap"},
    {"name": "sweep_command:x", "kind": "sweep_command", "ours_ms": 9000, "torch_ms": None,
     "ratio": 5.0, "singles_ms": 45000, "epochs": 10},
    {"name": "start:x", "kind": "start", "ours_ms": 7500, "second_ms": 2500, "torch_ms": None,
     "ratio": None},
    {"name": "memory:x", "kind": "memory", "ours_ms": None, "torch_ms": None, "ratio": None,
     "ours_mib": 800, "torch_mib": 1000, "of_torch": 1.25},
]  # fmt: skip


def test_shares_of_the_peak_and_the_geometric_mean():
    rows = [{"name": n, **TRAINED, "ratio": r} for n, r in (("a", 2.0), ("b", 4.5))]
    result = bench.finish(RESULT, [*rows, *OTHERS])
    assert result["geomeans"]["train"]["ratio"] == pytest.approx(3.0)  # the square root of 9
    assert result["geomeans"]["size"] == {"ratio": None, "compiled_ratio": None}
    assert [row["peak_share"] for row in result["rows"][:2]] == [0.25, 0.25]


def test_tables_have_a_line_for_every_row():
    row = {"name": "a", "ours_ms": 0.5, "torch_ms": 1.0, "ratio": 2.0, **TRAINED}
    size = {**row, "name": "b", "kind": "size", "compiled_ms": 0.75, "compiled_ratio": 1.5}
    result = bench.finish(RESULT, [row, size, *OTHERS])
    lines = report.markdown(result).splitlines()
    assert "| a | 0.5 | 1 | 2 | - | - | 1,234 | 50 | 25 % | 1.5 |" in lines
    assert "| b | 0.5 | 1 | 2 | 0.75 | 1.5 | 1,234 | 50 | 25 % | 1.5 |" in lines
    assert "| x | 800 | 1,000 | 1.25 |" in lines
    assert "| encode:x | 2 | 3 | 1.5 | 3,000,000 and 2,000,000 images/s |" in lines
    assert any("jacfwd 1,234 ms, a loop over the units 40 ms" in line for line in lines)
    assert any("8 members, 10 epochs, 9.0 s; eight commands 45.0 s" in line for line in lines)
    assert any("after 7.5 s, started again 2.5 s" in line for line in lines)
    said = (
        "Geometric mean of the ratios, published networks: 2. Geometric mean of the ratios, rows "
        "at the size users have: 2, against torch.compile 1.5. Some CPU, 2 cores"
    )
    assert lines[-1].startswith(said)
    heads = ("| training step |", "| memory of a training |", "| other work |")
    assert len([line for line in lines if line.startswith(heads)]) == 3
    text = report.text(result).splitlines()
    assert [line.split()[0] for line in text if ":x" in line] == [r["name"] for r in OTHERS[:-1]]
    bars = report.chart(result).axes[0].patches
    assert [bar.get_width() for bar in bars] == [2.0, 2.0, 1.5, 20.0]  # no ratio, no bar


def test_several_benches_are_their_median_and_range():
    row = {"name": "a", "ours_ms": 0.5, "torch_ms": 1.0, "ratio": 2.0, **TRAINED}
    slower = {**row, "ours_ms": 0.8, "ratio": 1.25, "gflops": 70.0}
    results = [bench.finish(RESULT, rows) for rows in ([row, *OTHERS], [slower], [slower])]
    lines = report.markdown(*results).splitlines()
    cells = "| a | 0.8 (0.5 to 0.8) | 1 | 1.25 (1.25 to 2) | - | - | 1,234 | 70 | 35 % | 1.5 |"
    assert cells in lines
    assert "| encode:x | 2 | 3 | 1.5 | 3,000,000 and 2,000,000 images/s |" in lines
    said = "Geometric mean of the ratios, published networks: 1.25 (1.25 to 2). "
    assert lines[-1].startswith(said)
    assert lines[-1].endswith("and of 3 benches, the range beside them.")


def test_a_bar_that_ends_before_the_mark_is_orange():
    rows = [{"name": n, "ratio": r, "torch_ms": 1.0} for n, r in (("slow", 0.8), ("fast", 1.2))]
    slow, fast = report.chart({"rows": rows}).axes[0].patches
    assert slow.get_facecolor()[:3] == pytest.approx((0xD5 / 255, 0x5E / 255, 0), abs=1e-6)
    assert fast.get_facecolor()[:3] == pytest.approx((0, 0x72 / 255, 0xB2 / 255), abs=1e-6)
