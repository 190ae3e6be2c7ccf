"""Has the kernel read a model's files while Python is busy with imports: both take about as long for a big one."""

import contextlib
import os
from pathlib import Path


def read_ahead(folder: Path) -> None:
    """Returns at once. A folder that is not there yet, or cannot be read, is its loader's to judge."""
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError), (Path(parent) / name).open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)
