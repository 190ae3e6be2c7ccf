"""The cache on the shared volume: folders that are made once, checked before use, and collected when unused.

    <cache>/<kind>/<key>/content      what was made
    <cache>/<kind>/<key>/digests      SHA-256 of every file of it
    <cache>/<kind>/<key>/used         touched by each pod that starts, locked by each that runs
    <cache>/locks/<kind>-<key>        held while it is made, so that pods which start together make it once

The lock saves work alone: a folder appears by one rename, whole, and of two that are made the first one stays.
"""

import errno
import fcntl
import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from modelserver.failures import NO_ROOM, NotServableNowError, judge

log = logging.getLogger(__name__)

KINDS = ("environments", "models")
KEPT_UNUSED_SECONDS = 7 * 86400.0
ABANDONED_SECONDS = 86400.0

# File systems without locks; pods then may do the same work twice.
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}


def ensure(cache: Path, kind: str, key: str, make: Callable[[Path], None]) -> Path:
    """The folder that `make` fills, made unless a sound one is there. Raises what `make` raises.

    Raises NotServableNowError where the cache cannot be written, with what cures it.
    """
    entry = cache / kind / key
    try:
        for folder in (cache / kind, cache / "locks"):
            folder.mkdir(exist_ok=True)
        with _alone(cache / "locks" / f"{kind}-{key}"):
            if not _is_sound(entry):
                _discard(entry)
                _make(entry, make)
            (entry / "used").touch()
    except PermissionError as error:
        raise NotServableNowError(
            f"The cache on the shared volume cannot be written ({error}). Where the volume lies, run: "
            "install -d -o 10001 -g 10001 -m 2775 VOLUME/cache (VOLUME is its folder)."
        ) from error
    except OSError as error:
        if not NO_ROOM.search(str(error)):
            raise
        raise judge(error, f"Writing {entry}") from error
    return entry / "content"


def hold(content: Path) -> IO[bytes]:
    """Keeps a folder from being collected until the file that is returned is closed, or the process ends.

    Raises OSError where it is gone.
    """
    used = (content.parent / "used").open("rb")
    _lock(used, fcntl.LOCK_SH)
    return used


def collect(cache: Path, now: float) -> list[Path]:
    """Removes what no pod holds and none has asked for in a week, and what was left half made; its paths."""
    gone = []
    for kind in KINDS:
        for entry in sorted((cache / kind).glob("[!.]*")):
            with (cache / "locks" / f"{kind}-{entry.name}").open("ab") as made:
                if _lock(made, fcntl.LOCK_EX | fcntl.LOCK_NB) and _is_unused(entry, now):
                    _discard(entry)
                    gone.append(entry)
        for leftover in (cache / kind).glob(".*"):
            if leftover.stat().st_mtime < now - ABANDONED_SECONDS:
                shutil.rmtree(leftover, ignore_errors=True)
    return gone


def _make(entry: Path, make: Callable[[Path], None]) -> None:
    making = Path(tempfile.mkdtemp(prefix=f".{entry.name}.", dir=entry.parent))
    try:
        making.chmod(0o2775)
        (making / "content").mkdir()
        make(making / "content")
        (making / "used").touch()
        (making / "digests").write_text(json.dumps(digests(making / "content"), sort_keys=True))
        _put(making, entry)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _put(making: Path, entry: Path) -> None:
    try:
        making.rename(entry)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        log.info("another pod was faster to make %s", entry)


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below, by its relative path."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return dict(
            zip((str(file.relative_to(folder)) for file in files), threads.map(_digest, files), strict=True)
        )


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _is_sound(entry: Path) -> bool:
    if not entry.exists():
        return False
    try:
        if digests(entry / "content") == json.loads((entry / "digests").read_text()):
            return True
    except (FileNotFoundError, ValueError):
        pass
    log.warning("%s is damaged and is made again", entry)
    return False


def _discard(entry: Path) -> None:
    """Out of sight by one rename first: what is half removed is never taken for whole."""
    if entry.exists():
        aside = Path(tempfile.mkdtemp(prefix=f".{entry.name}.", dir=entry.parent))
        entry.rename(aside / "gone")
        shutil.rmtree(aside, ignore_errors=True)


def _is_unused(entry: Path, now: float) -> bool:
    try:
        with (entry / "used").open("r+b") as used:
            old = os.fstat(used.fileno()).st_mtime < now - KEPT_UNUSED_SECONDS
            return old and _lock(used, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("ab") as opened:
        began = time.monotonic()
        _lock(opened, fcntl.LOCK_EX)
        if (waited := time.monotonic() - began) > 1:
            log.info("waited %.0f s for another pod that makes the same", waited)
        yield


def _lock(file: IO[bytes], how: int) -> bool:
    """Whether it was got. Without locks on the file system who waits goes on, and who asks is told no."""
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return not how & fcntl.LOCK_NB
    return True
