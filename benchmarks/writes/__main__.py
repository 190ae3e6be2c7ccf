"""make bench-writes: a table of stories and their writes, and of rest and restart; the verdict last."""

import contextlib
import itertools
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.writes import controllers
from benchmarks.writes.stories import RUN, STORIES, UNDISTURBED, undisturbed
from tests.integration.apiserver import ROOT, kubectl
from tests.integration.audit import audited, writes
from tests.integration.conftest import prepared
from tests.integration.kube import Kube, eventually
from tests.integration.mlflow_server import MlflowServer
from tests.integration.process import Operator
from tests.integration.world import World

FINISHED_RUNS, REST_SECONDS = 200, 60
RESULTS = ROOT / "benchmarks" / "results" / "writes.json"


@dataclass(frozen=True)
class Row:
    """One line of the table. made: verb and resource → how often."""

    what: str
    writes: int
    bound: int
    made: dict[str, int]


@contextlib.contextmanager
def stage(folder: Path) -> Iterator[World]:
    """API server, Job controller, MLflow and operator; the World's namespace does not exist yet."""
    mlflow = MlflowServer(folder / "mlflow")
    with prepared(folder / "apiserver") as server, controllers.running(server, folder):
        mlflow.start()
        operator = Operator(server, mlflow)
        operator.start()
        try:
            yield World(server, Kube(server), mlflow, operator, "")
        finally:
            operator.stop()
            mlflow.stop()


_numbers = itertools.count(1)


def a_namespace(world: World) -> World:
    name = f"writes-{next(_numbers)}"
    kubectl(world.server, "create", "namespace", name)
    made = World(world.server, world.kube, world.mlflow, world.operator, name)
    eventually(lambda: made.get("ServiceAccount", "default"), "pods can be made")
    made.claim()
    return made


def row(what: str, bound: int, made: list[str]) -> Row:
    return Row(what, len(made), bound, dict(Counter(made)))


def lives(world: World) -> Iterator[Row]:
    """One after the other: in a crowd a pod can take long enough to be worth another write."""
    for story in STORIES:
        own = a_namespace(world)
        with audited(world.server) as entries:
            story.live(own)
            seen = entries()
        made = writes([entry for entry in seen if entry["objectRef"].get("namespace") == own.namespace])
        yield row(story.name, UNDISTURBED + story.allowed, made)


def rest(world: World) -> Iterator[Row]:
    crowd = a_namespace(world)
    for number in range(FINISHED_RUNS):
        crowd.run(f"{RUN}-{number}")
    eventually(lambda: _ended(crowd), f"{FINISHED_RUNS} runs have ended", 600)
    with audited(world.server) as entries:
        time.sleep(REST_SECONDS)
        yield row(f"{FINISHED_RUNS} finished runs, {REST_SECONDS} s at rest", 0, writes(entries()))
    marker = a_namespace(world)
    with audited(world.server) as entries:
        world.operator.stop()
        world.operator.start()
        # One more run's whole life shows that all the others have been looked at.
        undisturbed(marker)
        others = [e for e in entries() if e["objectRef"].get("namespace") != marker.namespace]
    yield row("the operator starts again", 0, writes(others))


def _ended(world: World) -> bool:
    """Plays the kubelet: whatever pod there is does its work."""
    for pod in world.kube.list("Pod", world.namespace):
        if pod["status"]["phase"] == "Pending":
            controllers.end(world, pod["metadata"]["name"])
    runs = world.kube.list("TrainingRun", world.namespace)
    return all((run.get("status") or {}).get("completionTime") for run in runs)


def table(rows: list[Row]) -> str:
    lines = [f"{'':44} {'writes':>6} {'bound':>6}"]
    for one in rows:
        detail = ", ".join(f"{count} {what}" for what, count in sorted(one.made.items()))
        lines.append(f"{one.what:44} {one.writes:6} {one.bound:6}  {detail}")
    return "\n".join(lines)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="bench-writes-") as folder, stage(Path(folder)) as world:
        rows = [*lives(world), *rest(world)]
    over = [one.what for one in rows if one.writes > one.bound]
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps({"rows": [asdict(one) for one in rows], "within": not over}, indent=2))
    print(table(rows))
    print(f"OVER BUDGET: {', '.join(over)}" if over else "WITHIN BUDGET")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
