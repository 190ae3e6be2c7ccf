import threading
from pathlib import Path

import pytest
from modelserver.failures import NeverServableError
from modelserver.folder import wait_for_model


def test_a_folder_that_is_missing_says_so(tmp_path: Path) -> None:
    with pytest.raises(NeverServableError, match="gone does not exist on the volume"):
        wait_for_model(tmp_path / "gone", patience=0)


def test_a_folder_without_mlmodel_says_so(tmp_path: Path) -> None:
    with pytest.raises(NeverServableError, match="holds no MLmodel file"):
        wait_for_model(tmp_path, patience=0)


def test_a_folder_that_appears_late_is_waited_for(tmp_path: Path) -> None:
    def appear() -> None:
        (tmp_path / "late").mkdir()
        (tmp_path / "late" / "MLmodel").touch()

    threading.Timer(0.1, appear).start()
    wait_for_model(tmp_path / "late", patience=30)
    assert (tmp_path / "late" / "MLmodel").exists()
