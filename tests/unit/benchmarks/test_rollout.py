"""What the benchmark of rollouts makes of its figures."""

from dataclasses import replace

import pytest

from benchmarks.rollout.report import REASONS, Broken, Results, failed, share, verdict

GOOD = Results(
    poll_seconds=5,
    rate=50,
    steps=[{"made": 0.2, "answers": 4.0}],
    floor=[{"answers": 3.5}],
    polled=[5.5],
    broken=[Broken(kind, 8, reason, f"It says: {words}.") for kind, (reason, words) in REASONS.items()],
    requests=1000,
)


@pytest.mark.parametrize(
    ("values", "of_hundred", "value"),
    [
        pytest.param([3.0, 1.0, 2.0], 50, 2.0, id="the median"),
        pytest.param(list(range(1, 21)), 95, 19, id="nineteen of twenty"),
        pytest.param([1.0, 9.0], 95, 9.0, id="the larger of two"),
        pytest.param([], 95, float("inf"), id="nothing was measured"),
    ],
)
def test_the_value_that_so_many_of_a_hundred_do_not_exceed(
    values: list[float], of_hundred: int, value: float
) -> None:
    assert share(values, of_hundred) == value


def test_every_bar_can_be_met() -> None:
    assert verdict(GOOD)[0]


@pytest.mark.parametrize(
    ("results", "said"),
    [
        pytest.param(replace(GOOD, failures=["at 3 s"]), "1 of 1000 requests failed", id="a failed request"),
        pytest.param(
            replace(GOOD, broken=[Broken("hungry", 8, "ModelNotServable", "no")]),
            "0 of 1",
            id="a wrong reason",
        ),
        pytest.param(replace(GOOD, wronged=["7"]), "1 good versions rejected", id="a good version rejected"),
        pytest.param(replace(GOOD, steps=[{"made": 1.1}]), "by nudge: p95 1.10 s", id="a slow nudge"),
        pytest.param(replace(GOOD, polled=[6.1]), "by poll: p95 6.10 s", id="a slow poll"),
        pytest.param(replace(GOOD, polled=[]), "by poll: p95 inf s", id="no figure at all"),
    ],
)
def test_a_bar_is_missed_by(results: Results, said: str) -> None:
    met, text = verdict(results)
    assert not met
    (missed,) = [line for line in text.splitlines() if line.startswith("MISSED")]
    assert said in missed


@pytest.mark.parametrize(
    ("at", "said"),
    [
        pytest.param("415.200", ", 0.200 s after the Service selected v2-b", id="after the second switch"),
        pytest.param("20.000", ", 10.000 s after the Service selected v1-a", id="after the first"),
        pytest.param("9.000", "", id="before any"),
    ],
)
def test_a_failed_request_is_told_beside_the_last_switch(at: str, said: str) -> None:
    results = replace(GOOD, switched={"v1-a": 10.0, "v2-b": 415.0})
    failure = f"{at} s: refused"
    assert failed(results, failure) == failure + said
