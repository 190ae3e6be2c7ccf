"""What there is to fetch."""

import shutil
from pathlib import Path

import pytest

from tests.unit.train.checkout import Repository, commit, git


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """main with two commits, the first one tagged; a branch; a folder."""
    root = tmp_path_factory.mktemp("git")
    folder, work = root / "served", root / "work"
    folder.mkdir()
    git(folder, "init", "--quiet", "--bare", "flowers.git")
    git(folder, "clone", "--quiet", "flowers.git", str(work))
    git(work, "remote", "set-url", "origin", "../served/flowers.git")
    made = Repository(folder, work)
    made.commits["v1"] = commit(work, "train.py", "print(1)")
    git(work, "tag", "--annotate", "--message", "one", "v1")
    git(work, "push", "--quiet", "origin", "v1")
    git(work, "checkout", "--quiet", "-b", "team/faster")
    made.commits["team/faster"] = commit(work, "train.py", "print(3)")
    git(work, "checkout", "--quiet", "main")
    made.commits["main"] = commit(work, "iris/train.py", "print(2)")
    return made


@pytest.fixture
def repository(tmp_path: Path, original: Repository) -> Repository:
    """A copy of it for each test."""
    folder, work = tmp_path / "served", tmp_path / "work"
    shutil.copytree(original.folder, folder)
    shutil.copytree(original.work, work)
    return Repository(folder, work, original.commits)
