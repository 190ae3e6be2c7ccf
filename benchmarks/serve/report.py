"""The table, the verdict, and the plot."""

import json
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Bar:
    """
    Attributes:
        floors: what the floor itself reaches; None where that says nothing.
    """

    what: str
    figure: float
    bound: float
    at_least: bool = True
    floors: float | None = None

    @property
    def met(self) -> bool:
        return self.figure >= self.bound if self.at_least else self.figure <= self.bound

    @property
    def within_reach(self) -> bool:
        """Whether a server that does nothing but predict reaches it."""
        return self.floors is None or self.floors >= self.bound

    def __str__(self) -> str:
        said = f"{self.figure:.2f} {self.what} (bar {'>=' if self.at_least else '<='} {self.bound:g})"
        if self.met:
            return f"met           {said}"
        if self.within_reach:
            return f"MISSED        {said}"
        return f"out of reach  {said}: the floor itself reaches only {self.floors:.2f}"


def bars(model: str, peers: dict[str, dict[str, Any]]) -> list[Bar]:
    ours, floor = peers[OURS], peers[FLOOR]

    def beside(peer: str, what: str, bound: float) -> Bar:
        other = rate(peers[peer], CASE)
        return Bar(what, rate(ours, CASE) / other, bound, floors=rate(floor, CASE) / other)

    return [
        beside(KSERVE, "x KServe's Model", 2.5),
        beside(MLFLOW, "x mlflow models serve", 10),
        Bar("of the floor's rate", rate(ours, CASE) / rate(floor, CASE), 0.9),
        Bar("x the floor's p99", p99(ours, CASE) / p99(floor, CASE), 2, at_least=False),
        Bar("s after the floor is ready", median(ours["start"]) - median(floor["start"]), 1, at_least=False),
        *([Bar("MiB", ours["memory"], 300, at_least=False)] if model == "iris" else []),
    ]


def verdict(results: Results) -> tuple[bool, str]:
    """Whether every bar is met that the floor reaches, and each with its figure; where one is not, why."""
    lines, good = [], True
    for model, peers in results.items():
        judged = bars(model, peers)
        lines += [f"{model}: {bar}" for bar in judged]
        good = good and all(bar.met or not bar.within_reach for bar in judged)
        if not all(bar.met for bar in judged):
            lines.append(f"{model}: {where_it_goes(peers[OURS])}")
    return good, "\n".join(lines)


def where_it_goes(ours: dict[str, Any]) -> str:
    """The shares of a prediction's time; what the stages leave is HTTP and the event loop, as one process does all."""
    each = 1e6 / rate(ours, CASE)
    spent = ours["stages"] | {"HTTP, event loop and metrics": max(0.0, each - sum(ours["stages"].values()))}
    shares = sorted(spent.items(), key=lambda stage: -stage[1])
    named = ", ".join(f"{name} {took:.0f} us ({100 * took / each:.0f} %)" for name, took in shares)
    return f"where the {each:.0f} us of a prediction go: {named}"


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
