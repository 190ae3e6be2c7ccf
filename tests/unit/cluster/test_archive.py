"""The file by which images come to the nodes."""

from pathlib import Path

import pytest

from cluster import archive, kind, paths
from cluster.rung import Rung
from cluster.state import Made

TAG = "localhost/x:1"


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every call of an engine that writes what it is called with into the archive."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(paths, "SHARED", tmp_path / "shared")
    (tmp_path / "shared").mkdir()
    engine, calls = tmp_path / "engine", tmp_path / "calls"
    engine.write_text(f'#!/bin/sh\necho "$@" >> {calls}\necho "$@" > "${{2#--output=}}"\n')
    engine.chmod(0o755)
    return calls


def load(saved: Path, identity: str) -> str:
    """What a node reads."""
    made = Made("test", Rung.PUBLIC_IMAGE, str(saved.with_name("engine")))
    with archive.on_nodes(made, {TAG: identity}) as file:
        return (paths.SHARED / Path(file).relative_to(kind.SHARED)).read_text()


def test_images_are_written_once_until_one_changes_and_only_the_newest_file_is_kept(saved: Path) -> None:
    assert load(saved, "a") == load(saved, "a")
    assert len(saved.read_text().splitlines()) == 1
    assert TAG in load(saved, "b")
    assert len(saved.read_text().splitlines()) == 2
    assert len(list((paths.cache() / "images").iterdir())) == 1
    assert list(paths.SHARED.iterdir()) == []
