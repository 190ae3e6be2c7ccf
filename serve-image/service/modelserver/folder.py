"""Whether the version's folder is there: asked first, as it needs none of the slow imports."""

import time
from pathlib import Path

from modelserver.failures import NeverServableError, judge
from modelserver.signature import Description, describe

# Network file systems show a new folder to other nodes seconds after it was written.
APPEARS_WITHIN_SECONDS = 10.0


def wait_for_model(folder: Path, patience: float = APPEARS_WITHIN_SECONDS) -> None:
    """Returns once `folder` holds MLmodel. Raises NeverServableError or NotServableNowError, each a sentence."""
    deadline = time.monotonic() + patience
    try:
        while not (folder / "MLmodel").exists():
            if time.monotonic() >= deadline:
                raise NeverServableError(_what_is_missing(folder))
            time.sleep(0.2)
    except OSError as error:
        raise judge(error, f"Looking for the model in {folder}") from error


def read(folder: Path) -> Description:
    """What MLmodel says. Raises NeverServableError or NotServableNowError, each a sentence."""
    try:
        return describe(folder)
    except Exception as error:
        raise judge(error, f"Loading the model in {folder}") from error


def _what_is_missing(folder: Path) -> str:
    if folder.is_dir():
        return (
            f"The folder {folder} holds no MLmodel file: it is no MLflow model, or an incomplete one. "
            "Train and register another version."
        )
    return (
        f"The model folder {folder} does not exist on the volume: it was deleted, or the model was logged "
        "elsewhere. Train and register another version."
    )
