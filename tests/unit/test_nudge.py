"""Whether a nudge comes from our MLflow."""

import pytest
from modelcycle.nudge import DELIVERY, SIGNATURE, TIMESTAMP, refusal, signed

NOW, BODY = 1_800_000_000.0, b'{"entity": "model_version_alias"}'
GOOD = {DELIVERY: "d-1", TIMESTAMP: "1800000000", SIGNATURE: signed("s", "d-1", "1800000000", BODY)}
OLD = {DELIVERY: "d-1", TIMESTAMP: "1799999000", SIGNATURE: signed("s", "d-1", "1799999000", BODY)}


def test_the_signature_is_the_one_that_mlflow_makes() -> None:
    from mlflow.webhooks.delivery import _generate_hmac_signature

    assert signed("s", "d", "1", b"{}") == _generate_hmac_signature("s", "d", "1", "{}")


def test_a_delivery_of_mlflows_is_believed() -> None:
    assert refusal("s", GOOD, BODY, NOW + 299) == ""


@pytest.mark.parametrize(
    ("headers", "body", "said"),
    [
        pytest.param({}, BODY, "missing", id="nothing is signed"),
        pytest.param({**GOOD, TIMESTAMP: "soon"}, BODY, "missing or wrong", id="no time"),
        pytest.param(OLD, BODY, "300 s away", id="long ago"),
        pytest.param({**GOOD, SIGNATURE: ""}, BODY, "secret", id="no signature"),
        pytest.param({**GOOD, SIGNATURE: "v1,é"}, BODY, "secret", id="no base64"),
        pytest.param({**GOOD, DELIVERY: "d-2"}, BODY, "secret", id="another delivery"),
        pytest.param(GOOD, b"{}", "secret", id="another body"),
    ],
)
def test_a_delivery_is_refused_when(headers: dict[str, str], body: bytes, said: str) -> None:
    assert said in refusal("s", headers, body, NOW)
