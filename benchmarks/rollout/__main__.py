"""make bench-rollout: ROLLOUTS (100) in a row under load, every tenth broken; exit code 1 below a bar."""

import contextlib
import itertools
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from benchmarks.rollout import report, stand
from benchmarks.rollout.report import STEPS, Broken, Results
from benchmarks.rollout.stand import Floor, Ours
from benchmarks.rollout.watch import SELECTED, VERSION, PodWatch, Watch
from examples.load import Load
from tests.e2e.kube import REPOSITORY, poll
from tests.e2e.stand import REQUESTS_A_SECOND

ROLLOUTS = int(os.environ.get("ROLLOUTS", "100"))
# Every tenth one is of a broken version, with few of them so many that each kind has its turn.
BROKEN_EVERY = min(10, max(2, ROLLOUTS // len(stand.BROKEN)))
POLLED = max(2, ROLLOUTS // 5)
PATIENCE_SECONDS = 300
RESULTS = REPOSITORY / "benchmarks" / "results" / "rollout.json"


@dataclass(frozen=True)
class Stage:
    """Both under load, and what happens to the objects of both is timed."""

    ours: Ours
    floor: Floor
    load: Load
    floor_load: Load
    deployments: Watch
    service: Watch
    pods: PodWatch
    floor_pods: PodWatch

    def rolls_out(self, version: str) -> dict[str, float]:
        """Moves the alias to a good version and waits for its first answer; seconds until each of STEPS."""
        moved = self.ours.point(version)
        answers = _first_answer(self.load, version)
        made, switched = self.deployments.first(version), self.service.first(f"v{version}-")
        seen = {"made": made, **self.pods.steps(version), "switched": switched, "answers": answers}
        return {step: at - moved for step in STEPS if (at := seen.get(step))}

    def rolls_out_plainly(self, version: str) -> dict[str, float]:
        """Changes the floor's pods to a version; as above."""
        changed = self.floor.change_to(version)
        answers = _first_answer(self.floor_load, version)
        seen = {**self.floor_pods.steps(version), "answers": answers}
        return {step: seen[step] - changed for step in STEPS if step in seen}

    def rejects(self, kind: str, version: str) -> Broken:
        """Moves the alias to a broken version and waits until that is rejected."""
        moved = self.ours.point(version)
        entry = poll(lambda: self.ours.rejection(version), f"{kind} is rejected", PATIENCE_SECONDS)
        return Broken(kind, time.time() - moved, entry["reason"], entry["message"])

    def makes_a_candidate(self, version: str) -> float:
        """Moves the alias; seconds until the Deployment of that version is there."""
        moved = self.ours.point(version)
        made = poll(lambda: self.deployments.first(version), f"a Deployment of {version}", PATIENCE_SECONDS)
        return made - moved


def _first_answer(load: Load, version: str) -> float:
    poll(lambda: version in load.first_seen, f"an answer of version {version}", PATIENCE_SECONDS)
    return load.first_seen[version]


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    with (
        stand.set_up() as (ours, floor),
        Watch("deployments", ours.selector, VERSION) as deployments,
        Watch("services", ours.selector, SELECTED) as service,
        PodWatch(ours.selector) as pods,
        PodWatch(floor.selector) as floor_pods,
        ours.load() as load,
        floor.load() as floor_load,
    ):
        yield Stage(ours, floor, load, floor_load, deployments, service, pods, floor_pods)


def measure(stage: Stage, results: Results) -> None:
    """Ours and the floor in turns, so that both meet the machine as it is."""
    model, broken = stage.ours.model, itertools.cycle(stand.BROKEN)
    good = stand.copies(model, "good", ROLLOUTS)
    versions = iter(good)
    for number in range(1, ROLLOUTS + 1):
        if number % BROKEN_EVERY == 0:
            kind = next(broken)
            (version,) = stand.copies(model, kind, 1)
            results.broken.append(stage.rejects(kind, version))
            note_wronged(stage, results, good)
            print(f"{number}: {kind}: {results.broken[-1].reason}", flush=True)
            continue
        version = next(versions)
        results.steps.append(stage.rolls_out(version))
        results.floor.append(stage.rolls_out_plainly(version))
        took, least = (steps[-1]["answers"] for steps in (results.steps, results.floor))
        print(f"{number}: {took:.2f} s, floor {least:.2f} s", flush=True)
    note_wronged(stage, results, good)


def note_wronged(stage: Stage, results: Results, good: list[str]) -> None:
    """Status remembers ten rejections: it is read before the oldest one goes."""
    rejected = {one["version"] for one in stage.ours.rejected()}
    results.wronged = sorted({*results.wronged, *rejected.intersection(good)})


def measure_polls(stage: Stage, results: Results) -> None:
    """Each candidate is superseded by the next one; none has time to serve."""
    stand.set_webhook("DISABLED")
    for version in stand.copies(stage.ours.model, "good", POLLED):
        # Where between two polls the alias moves is left to chance.
        time.sleep(random.uniform(0, results.poll_seconds))
        results.polled.append(stage.makes_a_candidate(version))


def main() -> int:
    results = Results(stand.poll_seconds(), REQUESTS_A_SECOND)
    with stage() as running:
        measure(running, results)
        measure_polls(running, results)
    results.switched = {line: at - running.load.begun for line, at in running.service.seen.items()}
    results.requests = running.load.answered + len(running.load.failures)
    results.failures, results.floor_failures = running.load.failures, running.floor_load.failures
    met, said = report.verdict(results)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps({**asdict(results), "met": met}, indent=1))
    print(f"\n{report.table(results)}")
    for failure in results.failures[:10]:
        print(f"failed at {report.failed(results, failure)}")
    print(f"\n{said}\n{'Every bar is met.' if met else 'A bar is missed.'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
