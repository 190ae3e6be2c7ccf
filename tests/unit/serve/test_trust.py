"""What `trust: NoPickle` refuses, by what the files hold."""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import mlflow
import pytest
from modelserver.failures import NeverServableError
from modelserver.model import load
from modelserver.trust import refuse_pickle
from sklearn.linear_model import LogisticRegression


def zipped(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, b"")
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.pkl", b""),
        ("model.joblib", b"compressed"),
        *((f"protocol-{protocol}", pickle.dumps({"a": 1}, protocol)) for protocol in range(2, 6)),
        ("model.pth", zipped("archive/data.pkl")),
        ("artifacts/deep/anything.bin", pickle.dumps([1])),
    ],
)
def test_a_pickle_is_refused_under_any_name(tmp_path: Path, name: str, content: bytes) -> None:
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    with pytest.raises(NeverServableError, match=rf"file {name} is a pickle.* or set trust: Any"):
        refuse_pickle(tmp_path, {})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.ubj", b"{L"),
        ("model.skops", zipped("schema.json")),
        ("model.onnx", b"\x80"),
        ("notes.txt", b""),
    ],
)
def test_other_formats_are_no_pickle(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    refuse_pickle(tmp_path, {})


@pytest.mark.parametrize(
    ("trusted", "refused"),
    [(None, False), (["sklearn.tree._tree.Tree", "numpy.dtype"], False), (["os.system"], True)],
    ids=str,
)
def test_the_types_that_a_skops_file_wants_trusted_are_those_of_model_libraries(
    tmp_path: Path, trusted: Any, refused: bool
) -> None:
    flavors = {"sklearn": {"skops_trusted_types": trusted}}
    if not refused:
        refuse_pickle(tmp_path, flavors)
        return
    with pytest.raises(NeverServableError, match=r"the types os\.system to be trusted"):
        refuse_pickle(tmp_path, flavors)


@pytest.mark.parametrize(("form", "loads"), [("pickle", False), ("cloudpickle", False), ("skops", True)])
def test_a_model_is_refused_before_it_is_loaded(tmp_path: Path, form: str, loads: bool) -> None:
    classifier = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    mlflow.sklearn.save_model(
        classifier, tmp_path / "model", serialization_format=form, pip_requirements=["scikit-learn"]
    )
    if loads:
        assert load(tmp_path / "model", "NoPickle")
        return
    with pytest.raises(NeverServableError, match=r"spec\.trust is NoPickle"):
        load(tmp_path / "model", "NoPickle")
