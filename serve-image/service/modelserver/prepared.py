"""What the init container prepared for the server: a note in the folder that both of them see."""

import json
import os
import site
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from modelserver import cache


@dataclass(frozen=True)
class Prepared:
    """Where the model lies, whether that is in the cache, and its own packages; "" where it needs none."""

    model: str
    fetched: bool = False
    packages: str = ""


def note() -> Path:
    """Both containers of the pod mount the folder."""
    return Path(os.environ.get("MODELCYCLE_PREPARED", "/tmp/prepared.json"))  # noqa: S108


def write(prepared: Prepared) -> None:
    note().write_text(json.dumps(asdict(prepared)))


def take_over() -> list[IO[bytes]]:
    """Has this process import and load what was prepared, if anything was; keep what it answers.

    Raises OSError where that is gone.
    """
    if not note().exists():
        return []  # the image was started by hand
    prepared = Prepared(**json.loads(note().read_text()))
    os.environ["MODELCYCLE_MODEL_PATH"] = prepared.model
    held = [cache.hold(Path(prepared.model))] if prepared.fetched else []
    if prepared.packages:
        held.append(cache.hold(Path(prepared.packages)))
        activate(prepared.packages)
    return held


def activate(packages: str) -> None:
    """From now on, imports prefer what lies in `packages` to the image's own."""
    before = list(sys.path)
    site.addsitedir(packages)
    added = [path for path in sys.path if path not in before]
    first = next((index for index, path in enumerate(before) if path.endswith("-packages")), len(before))
    sys.path[:] = before[:first] + added + before[first:]
