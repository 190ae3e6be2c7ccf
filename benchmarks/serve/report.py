"""The table, the verdict, and the plot."""

import json
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.serve.peers import FLOOR, KSERVE, MLFLOW, OURS

# Samples by model, peer, rows and connections.
Results = dict[str, dict[str, dict[str, Any]]]
CASE = "1x16"


def rate(peer: dict[str, Any], case: str) -> float:
    return median(float(sample["rate"]) for sample in peer["load"][case])


def p99(peer: dict[str, Any], case: str) -> float:
    return median(float(sample["p99"]) for sample in peer["load"][case])


def table(results: Results) -> str:
    """Requests a second by rows x connections; then the 99th percentile, the start and the memory."""
    lines = []
    for model, peers in results.items():
        cases = list(next(iter(peers.values()))["load"])
        lines.append(
            f"\n{model:22}" + "".join(f"{case:>9}" for case in cases) + "  p99 ms  of floor  start s    MiB"
        )
        for name, peer in peers.items():
            rates = "".join(f"{rate(peer, case):9.0f}" for case in cases)
            share = rate(peer, CASE) / rate(peers[FLOOR], CASE)
            failed = sum(sample["failed"] for samples in peer["load"].values() for sample in samples)
            lines.append(
                f"{name:22}{rates}{p99(peer, CASE):8.1f}{share:10.2f}{median(peer['start']):9.1f}{peer['memory']:7.0f}"
                + (f"  {failed:.0f} failed" if failed else "")
            )
    return "\n".join([f"requests a second at ROWSxCONNECTIONS; p99 and share of the floor at {CASE}", *lines])


def verdict(results: Results) -> tuple[bool, str]:
    """Whether every bar is met, and each with its figure."""
    lines, met = [], True
    for model, peers in results.items():
        ours, floor = peers[OURS], peers[FLOOR]
        bars = [
            ("x KServe's Model", rate(ours, CASE) / rate(peers[KSERVE], CASE), 2.5, True),
            ("x mlflow models serve", rate(ours, CASE) / rate(peers[MLFLOW], CASE), 10, True),
            ("of the floor's rate", rate(ours, CASE) / rate(floor, CASE), 0.9, True),
            ("x the floor's p99", p99(ours, CASE) / p99(floor, CASE), 2, False),
            ("s after the floor is ready", median(ours["start"]) - median(floor["start"]), 1, False),
        ]
        if model == "iris":
            bars.append(("MiB", ours["memory"], 300, False))
        for what, figure, bar, at_least in bars:
            good = figure >= bar if at_least else figure <= bar
            met = met and good
            sign = ">=" if at_least else "<="
            lines.append(f"{'met ' if good else 'MISSED'} {model}: {figure:.2f} {what} (bar {sign} {bar:g})")
    return met, "\n".join(lines)


def write(results: Results, folder: Path) -> None:
    """serve.json and serve.png under `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "serve.json").write_text(json.dumps(results, indent=1))
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(results), figsize=(6 * len(results), 3.5), squeeze=False)
    for axis, (model, peers) in zip(axes[0], results.items(), strict=True):
        names = list(peers)[::-1]
        bars = axis.barh(names, [rate(peers[name], CASE) for name in names])
        axis.bar_label(bars, fmt="%.0f", padding=3)
        axis.set_title(f"{model}: requests a second, 1 row, 16 connections")
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(x=0.15)
    figure.tight_layout()
    figure.savefig(folder / "serve.png", dpi=120)
