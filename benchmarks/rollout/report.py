"""The tables, the bars, and the verdict."""

from collections.abc import Iterable
from dataclasses import dataclass, field

NUDGE_SECONDS = 1.0
# How the rejection of each kind of broken version has to begin to say why.
REASONS = {
    "damaged": ("ModelNotServable", "Loading the model"),
    "requirement": ("UnsatisfiableRequirements", "The model's requirements could not be installed"),
    "raising": ("SelfTestFailed", "Answering the model's own input example"),
    "hungry": ("OutOfMemory", "resources.limits.memory"),
}
STEPS = {
    "made": "its Deployment is there",
    "prepares": "its init container runs",
    "prepared": "that is done",
    "starts": "its server starts",
    "ready": "its pod is ready",
    "switched": "the Service selects it",
    "answers": "it answers",
}


@dataclass(frozen=True)
class Broken:
    """A version that was to be rejected, after so many seconds."""

    kind: str
    seconds: float
    reason: str
    message: str

    @property
    def right(self) -> bool:
        reason, words = REASONS[self.kind]
        return self.reason == reason and words in self.message


@dataclass
class Results:
    """
    Attributes:
        rate: requests a second, to each of the two.
        steps: of each rollout, seconds from the move of the alias until each of STEPS.
        floor: of each rolling update of the same pods, seconds from the change of their template.
        nudged, polled: seconds from the move of the alias until the candidate's Deployment is there.
        requests: answered; failures: what was not, ours and the floor's; each begins with the seconds since the load
            began.
        switched: when the Service selected each revision, in seconds since the load began.
        wronged: good versions that were rejected.
    """

    poll_seconds: float
    rate: float
    steps: list[dict[str, float]] = field(default_factory=list)
    floor: list[dict[str, float]] = field(default_factory=list)
    polled: list[float] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    requests: int = 0
    failures: list[str] = field(default_factory=list)
    floor_failures: list[str] = field(default_factory=list)
    switched: dict[str, float] = field(default_factory=dict)
    wronged: list[str] = field(default_factory=list)

    @property
    def nudged(self) -> list[float]:
        return until("made", self.steps)


def until(step: str, rollouts: list[dict[str, float]]) -> list[float]:
    return [steps[step] for steps in rollouts if step in steps]


def share(values: Iterable[float], of_hundred: int) -> float:
    """The value that so many of a hundred do not exceed (nearest rank); infinite without values."""
    ordered = sorted(values)
    if not ordered:
        return float("inf")
    return ordered[max(0, -(-len(ordered) * of_hundred // 100) - 1)]


def table(results: Results) -> str:
    ours, floor = until("answers", results.steps), until("answers", results.floor)
    lines = [
        f"One pod, keepPreviousSeconds 10 (its minimum), {results.requests} requests at {results.rate:g} a second to "
        "ours and as many to the floor, through their Services; half of the clients keep their connection.\n",
        f"{'seconds':52}{'p50':>7}{'p95':>7}{'max':>7}{'number':>8}",
        _line("alias moved -> first answer of the new version", ours),
        _line("floor: pod template changed -> first answer", floor),
        _line("alias moved -> candidate's Deployment, by nudge", results.nudged),
        _line(f"the same by poll, every {results.poll_seconds:g} s", results.polled),
        f"\n{'where the time goes (p50 of seconds from step to step)':52}{'ours':>7}{'floor':>7}",
    ]
    for step, said in STEPS.items():
        both = (
            share(_since_the_step_before(step, rollouts), 50) for rollouts in (results.steps, results.floor)
        )
        lines.append(
            f"  {said:50}" + "".join(f"{took:7.2f}" if took < float("inf") else f"{'-':>7}" for took in both)
        )
    lines.append("\nbroken versions: seconds until rejected, and why")
    lines += [
        f"  {one.kind:12}{one.seconds:6.1f}  {'' if one.right else 'WRONG '}{one.reason}: {one.message[:120]}"
        for one in results.broken
    ]
    return "\n".join(lines)


def _since_the_step_before(step: str, rollouts: list[dict[str, float]]) -> list[float]:
    took = []
    for steps in rollouts:
        reached = [name for name in STEPS if name in steps]
        if step in steps:
            before = reached[: reached.index(step)]
            took.append(steps[step] - (steps[before[-1]] if before else 0))
    return took


def _line(what: str, values: list[float]) -> str:
    figures = "".join(f"{share(values, at):7.2f}" for at in (50, 95, 100))
    return f"{what:52}{figures}{len(values):8}"


def failed(results: Results, failure: str) -> str:
    """A failed request, beside the switch that was the last one then."""
    at = float(failure.split()[0])
    last = max(((s, revision) for revision, s in results.switched.items() if s <= at), default=None)
    return f"{failure}, {at - last[0]:.3f} s after the Service selected {last[1]}" if last else failure


def verdict(results: Results) -> tuple[bool, str]:
    """Whether every bar is met, and each with its figure."""
    wrong = [one.kind for one in results.broken if not one.right]
    nudged, polled, limit = share(results.nudged, 95), share(results.polled, 95), results.poll_seconds + 1
    bars = [
        (
            not results.failures,
            f"{len(results.failures)} of {results.requests} requests failed (bar 0; of the floor's "
            f"{len(results.floor_failures)})",
        ),
        (
            not wrong,
            f"{len(results.broken) - len(wrong)} of {len(results.broken)} rejected with the right reason",
        ),
        (
            not results.wronged,
            f"{len(results.wronged)} good versions rejected {' '.join(results.wronged)}".strip(),
        ),
        (
            nudged <= NUDGE_SECONDS,
            f"registry -> Deployment by nudge: p95 {nudged:.2f} s (bar {NUDGE_SECONDS:g} s)",
        ),
        (polled <= limit, f"registry -> Deployment by poll: p95 {polled:.2f} s (bar {limit:g} s)"),
    ]
    met = all(good for good, _ in bars)
    return met, "\n".join(f"{'met   ' if good else 'MISSED'} {said}" for good, said in bars)
