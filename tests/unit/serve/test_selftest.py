"""What a model is told, and asked, when it proves itself."""

from pathlib import Path

import pandas as pd
import pytest
from mlflow.models import infer_signature
from modelserver.failures import NeverServableError
from modelserver.model import load, prove

from tests.unit.serve.models import scripted

ONE_ROW = pd.DataFrame({"x": [1.0]})
TELLS = "def predict(self, context, model_input, params=None): return [float(__import__('os').environ.get('MODELCYCLE_SELF_TEST', '0'))]"
COUNTS = """
asked = 0
def predict(self, context, model_input, params=None):
    self.asked += 1
    return [float(self.asked)]
"""


def test_a_model_can_tell_the_self_test_from_clients(tmp_path: Path) -> None:
    told = []
    model = load(scripted(tmp_path / "model", TELLS, example=ONE_ROW))
    predict = model.predict
    model.predict = lambda *asked: told.append(predict(*asked)) or told[-1]  # type: ignore
    prove(model)
    assert told == [[1.0]]
    assert predict(ONE_ROW) == [0.0]


def test_a_model_answers_its_example_once(tmp_path: Path) -> None:
    model = load(scripted(tmp_path / "model", COUNTS, example=ONE_ROW))
    assert "answered its own input example in" in prove(model)
    assert model.predict(ONE_ROW) == [2.0]


def test_with_the_mode_load_nothing_is_asked(tmp_path: Path) -> None:
    model = load(scripted(tmp_path / "model", COUNTS, example=ONE_ROW))
    assert "loading is all that is proven" in prove(model, "Load")
    assert model.predict(ONE_ROW) == [1.0]


def test_an_answer_that_breaks_the_signature_is_refused_with_the_cure(tmp_path: Path) -> None:
    body = "def predict(self, context, model_input, params=None): return model_input.assign(y='high')[['y']]"
    signature = infer_signature(ONE_ROW, pd.DataFrame({"y": [1.0]}))
    folder = scripted(tmp_path / "model", body, example=ONE_ROW, signature=signature)
    with pytest.raises(
        NeverServableError, match=r"column 'y' holds text where numbers .* Log the model again"
    ):
        prove(load(folder))
