"""How many pods a canary gets, and what its figures say."""

import pytest
from modelcycle.api.modeldeployment import CanaryProgress
from modelcycle.serving.canary import pods, since_the_start
from modelcycle.serving.observed import Traffic


@pytest.mark.parametrize(
    ("weight", "serving", "count"),
    [
        pytest.param(10, 1, 1, id="one pod has only one share to give"),
        pytest.param(1, 100, 1, id="one in a hundred"),
        pytest.param(10, 9, 1, id="one in ten"),
        pytest.param(20, 4, 1, id="one in five"),
        pytest.param(40, 4, 3, id="three in seven are nearest to two fifths"),
        pytest.param(50, 4, 4, id="a half"),
        pytest.param(90, 4, 4, id="pods of what serves do not go before it is left"),
        pytest.param(100, 3, 3, id="all"),
    ],
)
def test_the_share_comes_next_to_the_weight(weight: int, serving: int, count: int) -> None:
    assert pods(weight, serving) == count


@pytest.mark.parametrize(
    ("traffic", "progress", "since"),
    [
        pytest.param(None, CanaryProgress(), None, id="the pods say nothing"),
        pytest.param(
            Traffic(90, 4), CanaryProgress(requests=50, errors=4), Traffic(40, 0), id="the difference"
        ),
        pytest.param(Traffic(90, 4), CanaryProgress(), Traffic(90, 4), id="nothing was known at the start"),
        pytest.param(
            Traffic(7, 1), CanaryProgress(requests=50, errors=4), Traffic(7, 1), id="a pod began again"
        ),
    ],
)
def test_a_step_counts_what_was_answered_in_it(
    traffic: Traffic | None, progress: CanaryProgress, since: Traffic | None
) -> None:
    assert since_the_start(traffic, progress) == since
