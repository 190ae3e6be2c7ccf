"""The cache: made once, checked, and collected when nobody uses it."""

import errno
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from modelserver import cache
from modelserver.failures import NotServableNowError

NOW = 1_800_000_000.0
WEEK = cache.KEPT_UNUSED_SECONDS


def writing(text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "file").write_text(text)

    return write


def never(folder: Path) -> None:
    raise AssertionError("it was made a second time")


def made(root: Path, key: str = "k", text: str = "sound") -> Path:
    return cache.ensure(root, "models", key, writing(text))


def aged(content: Path, seconds: float) -> Path:
    os.utime(content.parent / "used", (NOW - seconds, NOW - seconds))
    return content


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    content = made(tmp_path)
    assert cache.ensure(tmp_path, "models", "k", never) == content
    assert (content / "file").read_text() == "sound"


@pytest.mark.parametrize("damage", ["changed", "missing", "added", "no digests", "damaged digests"])
def test_what_is_damaged_is_made_again(tmp_path: Path, damage: str) -> None:
    content = made(tmp_path)
    match damage:
        case "changed":
            (content / "file").write_text("unsound")
        case "missing":
            (content / "file").unlink()
        case "added":
            (content / "sklearn.py").write_text("")
        case "no digests":
            (content.parent / "digests").unlink()
        case "damaged digests":
            (content.parent / "digests").write_text("{")
    assert {file.name: file.read_text() for file in made(tmp_path).iterdir()} == {"file": "sound"}


def test_what_fails_to_be_made_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        cache.ensure(tmp_path, "models", "k", fail)
    assert list((tmp_path / "models").iterdir()) == []


def test_a_full_volume_is_said_with_its_cure_and_may_be_better_another_time(tmp_path: Path) -> None:
    def fill(folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(NotServableNowError, match="Make room on the shared volume"):
        cache.ensure(tmp_path, "models", "k", fill)


def test_pods_that_start_together_make_it_once(tmp_path: Path) -> None:
    together, makers = threading.Barrier(4), []

    def make(folder: Path) -> None:
        makers.append(folder)
        (folder / "file").touch()

    def start() -> None:
        together.wait()
        cache.ensure(tmp_path, "models", "k", make)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(makers) == 1


def test_of_two_that_are_made_without_locks_the_first_stays_whole(tmp_path: Path) -> None:
    def slowly(folder: Path) -> None:
        (folder / "file").write_text("second")
        (tmp_path / "elsewhere").mkdir()
        made(tmp_path / "elsewhere", text="first").parent.rename(tmp_path / "models" / "k")

    content = cache.ensure(tmp_path, "models", "k", slowly)
    assert (content / "file").read_text() == "first"
    assert [entry.name for entry in (tmp_path / "models").iterdir()] == ["k"]


def test_a_cache_that_cannot_be_written_says_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)  # root, as whom these tests may run, is never refused
    with pytest.raises(NotServableNowError, match="install -d -o 10001 -g 10001 -m 2775 VOLUME/cache"):
        made(tmp_path)


def test_what_nobody_asked_for_in_a_week_goes(tmp_path: Path) -> None:
    old, young = aged(made(tmp_path, "old"), WEEK + 1), aged(made(tmp_path, "young"), WEEK - 1)
    assert cache.collect(tmp_path, NOW) == [old.parent]
    assert not old.exists()
    assert young.exists()


def test_what_a_pod_holds_stays_until_it_ends(tmp_path: Path) -> None:
    content = aged(made(tmp_path), WEEK + 1)
    with cache.hold(content):
        assert cache.collect(tmp_path, NOW) == []
    assert cache.collect(tmp_path, NOW) == [content.parent]


def test_asking_for_it_keeps_it(tmp_path: Path) -> None:
    aged(made(tmp_path), WEEK + 1)
    made(tmp_path)
    assert cache.collect(tmp_path, time.time()) == []


def test_what_a_killed_pod_left_half_made_goes(tmp_path: Path) -> None:
    made(tmp_path)
    left = tmp_path / "models" / ".k.abandoned"
    left.mkdir()
    assert cache.collect(tmp_path, time.time()) == []
    assert left.exists()
    cache.collect(tmp_path, time.time() + cache.ABANDONED_SECONDS + 60)
    assert not left.exists()


def test_an_empty_cache_has_nothing_to_collect(tmp_path: Path) -> None:
    assert cache.collect(tmp_path / "not-there", NOW) == []
