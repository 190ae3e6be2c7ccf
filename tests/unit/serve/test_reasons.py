"""The serving image says why it cannot serve a version; the operator rejects the version with that reason."""

from modelcycle.serving.proof import NEVER_SERVABLE, REASONS
from modelserver import ending, failures


def test_every_reason_that_the_serving_image_gives_is_one_that_the_operator_reads():
    verdicts = (failures.NeverServableError, failures.NotServableNowError)
    found = [
        kind for kind in vars(failures).values() if isinstance(kind, type) and issubclass(kind, verdicts)
    ]
    assert {kind.reason for kind in found if kind.reason} == set(REASONS)
    assert ending.NEVER_SERVABLE == NEVER_SERVABLE
