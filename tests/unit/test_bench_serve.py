"""The verdict of bench-serve on figures that are made up."""

from typing import Any

import pytest

from benchmarks.serve.peers import FLOOR, KSERVE, MLFLOW, OURS
from benchmarks.serve.report import verdict


def peer(rate: float, start: float = 1.0) -> dict[str, Any]:
    sample = {"rate": rate, "p99": 5.0, "failed": 0}
    stages = {"predict": 100.0, "reading JSON": 25.0}
    return {"load": {"1x16": [sample]}, "start": [start], "memory": 200.0, "stages": stages}


@pytest.mark.parametrize(
    ("ours", "floor", "good", "says"),
    [
        pytest.param(4000, 4000, True, "met           13.33 x mlflow models serve", id="met"),
        pytest.param(2500, 3200, False, "MISSED        8.33 x mlflow models serve", id="missed"),
        pytest.param(
            1200,
            1200,
            True,
            "out of reach  4.00 x mlflow models serve (bar >= 10): the floor itself reaches only 4.00",
            id="out of reach",
        ),
        pytest.param(1000, 1200, False, "MISSED        0.83 of the floor's rate", id="below the floor"),
    ],
)
def test_a_bar_that_the_floor_does_not_reach_is_not_missed(
    ours: float, floor: float, good: bool, says: str
) -> None:
    peers = {OURS: peer(ours), FLOOR: peer(floor), KSERVE: peer(400), MLFLOW: peer(300)}
    is_good, said = verdict({"xgboost": peers})
    assert is_good == good
    assert f"xgboost: {says}" in said
    assert ("where the" in said) == ("met           13.33" not in said)


def test_where_a_bar_is_not_met_the_shares_of_a_prediction_are_told() -> None:
    peers = {OURS: peer(2000), FLOOR: peer(2000), KSERVE: peer(400), MLFLOW: peer(300)}
    assert (
        "xgboost: where the 500 us of a prediction go: HTTP, event loop and metrics 375 us (75 %), "
        "predict 100 us (20 %), reading JSON 25 us (5 %)"
    ) in verdict({"xgboost": peers})[1]
