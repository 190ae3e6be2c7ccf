"""A git repository to push to, and the script that checks out a run's source, as its container starts it."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "train-image" / "source" / "fetch_source.py"


def git(folder: Path, *words: str) -> str:
    who = {"GIT_CONFIG_GLOBAL": os.devnull, "HOME": str(folder)}
    who |= {
        f"GIT_{role}_{name}": "ann@example.org"
        for role in ("AUTHOR", "COMMITTER")
        for name in ("NAME", "EMAIL")
    }
    done = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always", *words],
        cwd=folder, env={**os.environ, **who}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(work: Path, name: str, text: str) -> str:
    """Writes a file, commits and pushes it; the commit."""
    (work / name).parent.mkdir(parents=True, exist_ok=True)
    (work / name).write_text(text)
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "--message", f"{name}: {text}")
    git(work, "push", "--quiet", "origin", "HEAD")
    return git(work, "rev-parse", "HEAD")


@dataclass
class Repository:
    """work: a clone that the tests push from. commits: by the branch or tag that named it first."""

    folder: Path
    work: Path
    commits: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fetched:
    """What is left of a container. report: its termination message; folder: the checkout."""

    code: int
    log: str
    report: str
    folder: Path

    def head(self) -> str:
        return git(self.folder, "rev-parse", "HEAD")


def fetch(
    tmp_path: Path, url: str, revision: str = "HEAD", path: str = "", pod: str = "a", **variables: str
) -> Fetched:
    """Starts the container of one pod of a run; all pods share the record."""
    folder, report = tmp_path / pod / "repository", tmp_path / pod / "report"
    report.parent.mkdir(exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "SOURCE_URL": url,
        "SOURCE_REVISION": revision,
        "SOURCE_PATH": path,
        "SOURCE_FOLDER": str(folder),
        "SOURCE_RECORD": str(tmp_path / "volume" / "commits" / "run-uid"),
        "SOURCE_REPORT": str(report),
        "SOURCE_RETRY_AFTER_SECONDS": "0.01",
        "TMPDIR": str(scratch(tmp_path)),
        **variables,
    }
    done = subprocess.run(
        [sys.executable, SCRIPT], env=environment, capture_output=True, text=True, check=False
    )
    return Fetched(done.returncode, done.stdout + done.stderr, report.read_text(), folder)


def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir(exist_ok=True)
    return folder
