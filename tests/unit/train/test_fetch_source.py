"""The script that checks out a run's source, as its container starts it, against real git servers."""

import contextlib
import socket
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.git_server import server
from tests.unit.train.checkout import SCRIPT, Fetched, Repository, commit, fetch, git, scratch

USER, PASSWORD = "ann", "s3cr3t/pass word"
BASIC = {"SOURCE_SECRET": "git", "SECRET_username": USER, "SECRET_password": PASSWORD}
MISSING = "0123456789012345678901234567890123456789"


@contextlib.contextmanager
def served(serving: ThreadingHTTPServer) -> Iterator[str]:
    """The address of the repository."""
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{serving.server_address[1]}/flowers.git"
    serving.shutdown()
    serving.server_close()
    thread.join()


@pytest.fixture
def url(repository: Repository) -> Iterator[str]:
    """Where one user may read it."""
    with served(server(repository.folder, user=USER, password=PASSWORD)) as address:
        yield address


@pytest.mark.parametrize(
    ("revision", "named"),
    [("HEAD", "main"), ("main", "main"), ("team/faster", "team/faster"), ("v1", "v1")],
    ids=["nothing", "a branch", "a branch with a slash", "an annotated tag"],
)
def test_what_is_named_is_checked_out_and_its_commit_reported(
    tmp_path: Path, repository: Repository, url: str, revision: str, named: str
):
    fetched = fetch(tmp_path, url, revision, **BASIC)
    assert fetched.code == 0, fetched.log
    assert fetched.report == fetched.head() == repository.commits[named]
    assert git(fetched.folder, "status", "--porcelain") == ""


@pytest.mark.parametrize("length", [40, 8], ids=["in full", "abbreviated"])
def test_exactly_that_commit_is_checked_out(tmp_path: Path, repository: Repository, url: str, length: int):
    fetched = fetch(tmp_path, url, repository.commits["v1"][:length], **BASIC)
    assert fetched.report == fetched.head() == repository.commits["v1"]
    assert (fetched.folder / "train.py").read_text() == "print(1)"


def test_a_token_is_enough(tmp_path: Path, repository: Repository, url: str):
    token = {"SOURCE_SECRET": "git", "SECRET_username": USER, "SECRET_token": PASSWORD + "\n"}
    assert fetch(tmp_path, url, **token).report == repository.commits["main"]


def test_a_branch_that_moves_stays_for_the_runs_other_attempts_what_the_first_one_found(
    tmp_path: Path, repository: Repository, url: str
):
    assert fetch(tmp_path, url, "main", **BASIC).report == repository.commits["main"]
    commit(repository.work, "train.py", "print(4)")
    again = fetch(tmp_path, url, "main", pod="b", **BASIC)
    assert again.report == again.head() == repository.commits["main"]


def test_a_commit_that_is_recorded_is_found_though_it_left_its_branch(
    tmp_path: Path, repository: Repository, url: str
):
    fetch(tmp_path, url, "team/faster", **BASIC)
    git(repository.work, "push", "--quiet", "--force", "origin", "main:team/faster")
    assert fetch(tmp_path, url, "team/faster", pod="b", **BASIC).head() == repository.commits["team/faster"]


def test_of_pods_that_start_together_the_first_one_decides(tmp_path: Path, repository: Repository, url: str):
    found: list[Fetched] = []

    def start(pod: str) -> None:
        found.append(fetch(tmp_path, url, "main", pod=pod, **BASIC))

    threads = [threading.Thread(target=start, args=(f"node-{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    commit(repository.work, "train.py", "print(4)")
    for thread in threads:
        thread.join()
    assert len({one.report for one in found}) == 1, [one.log for one in found]
    assert {one.head() for one in found} == {found[0].report}
    record = tmp_path / "volume" / "commits" / "run-uid"
    assert [file.name for file in record.parent.iterdir()] == [record.name], "no draft is left"


def test_the_loser_of_the_race_checks_out_what_the_winner_recorded(
    tmp_path: Path, repository: Repository, url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    import fetch_source

    record = tmp_path / "record"
    assert fetch_source.settle(record, "a" * 40) == "a" * 40
    assert fetch_source.settle(record, "b" * 40) == "a" * 40


def test_a_folder_of_the_repository_can_be_asked_for(tmp_path: Path, repository: Repository, url: str):
    assert fetch(tmp_path, url, path="iris", **BASIC).code == 0


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"revision": "mian"}, "There is no branch, tag or commit 'mian' in"),
        ({"revision": MISSING}, f"There is no branch, tag or commit '{MISSING}' in"),
        ({"revision": "0123456"}, "There is no branch, tag or commit '0123456' in"),
        ({"path": "rose"}, "There is no folder 'rose' in commit"),
        ({"path": "iris/train.py"}, "There is no folder 'iris/train.py' in commit"),
        ({"SECRET_password": "wr0ng/s3cret"}, "refuses the credentials of Secret 'git'"),
        ({"SECRET_password": ""}, "Secret 'git' has no username and password, or token, which https needs"),
        ({"SOURCE_SECRET": "", "SECRET_password": ""}, "refuses anonymous readers"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_what_only_another_spec_or_secret_helps_is_said_and_never_tried_again(
    tmp_path: Path, url: str, asked: dict[str, str], words: str
):
    fetched = fetch(tmp_path, url, **{**BASIC, **asked})
    assert fetched.code == 2, fetched.log
    assert words in fetched.report
    assert "Trying again" not in fetched.log
    for secret in (PASSWORD, "s3cr3t", "wr0ng"):
        assert secret not in fetched.log + fetched.report


def test_a_repository_that_is_not_there_is_said(tmp_path: Path, url: str):
    fetched = fetch(tmp_path, url.replace("flowers", "trees"), **BASIC)
    assert fetched.code == 2
    assert "There is no repository at" in fetched.report


def test_a_server_that_does_not_answer_is_asked_again_and_may_be_tried_later(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        closed = nobody.getsockname()[1]
    fetched = fetch(tmp_path, f"http://127.0.0.1:{closed}/flowers.git")
    assert (fetched.code, fetched.log.count("Trying again")) == (1, 1)
    assert "could not be reached" in fetched.report


def test_no_key_is_left_behind(tmp_path: Path, repository: Repository, url: str):
    fetch(tmp_path, url, **BASIC, SECRET_ca_crt="a certificate")
    assert list(scratch(tmp_path).iterdir()) == []
    config = (tmp_path / "a" / "repository" / ".git" / "config").read_text()
    assert PASSWORD not in config
    assert USER not in config


def test_a_start_over_in_a_folder_that_is_not_empty_is_a_fresh_checkout(
    tmp_path: Path, repository: Repository, url: str
):
    fetch(tmp_path, url, **BASIC)
    (tmp_path / "a" / "repository" / "train.py").write_text("half a file")
    assert git(fetch(tmp_path, url, **BASIC).folder, "status", "--porcelain") == ""


def test_submodules_come_with_it_by_the_same_credentials(tmp_path: Path, repository: Repository, url: str):
    git(repository.folder, "clone", "--quiet", "--bare", "flowers.git", "seeds.git")
    git(repository.work, "submodule", "--quiet", "add", str(repository.folder / "seeds.git"), "seeds")
    git(repository.work, "config", "--file", ".gitmodules", "submodule.seeds.url", "../seeds.git")
    commit(repository.work, "README", "with seeds")
    fetched = fetch(tmp_path, url, **BASIC)
    assert fetched.code == 0, fetched.log
    assert (fetched.folder / "seeds" / "train.py").read_text() == "print(1)"


def test_what_is_in_lfs_is_named_in_the_log(tmp_path: Path, repository: Repository, url: str):
    commit(repository.work, ".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text")
    commit(repository.work, "weights.bin", "version https://git-lfs.github.com/spec/v1")
    fetched = fetch(tmp_path, url, **BASIC)
    assert fetched.code == 0
    assert "only their pointers were fetched: weights.bin." in fetched.log


# Other servers.


@pytest.fixture
def daemon(repository: Repository) -> Iterator[str]:
    """git daemon, where everybody may read."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [
        "daemon",
        "--export-all",
        "--listen=127.0.0.1",
        f"--port={port}",
        f"--base-path={repository.folder}",
    ]
    process = subprocess.Popen(["git", *words, "--reuseaddr", "--verbose"], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert any("Ready to rumble" in line for line in process.stderr)
    yield f"git://127.0.0.1:{port}/flowers.git"
    process.terminate()
    process.communicate()


@pytest.mark.parametrize("revision", ["main", "v1"])
def test_a_repository_that_everybody_may_read_needs_no_secret(
    tmp_path: Path, repository: Repository, daemon: str, revision: str
):
    assert fetch(tmp_path, daemon, revision).report == repository.commits[revision]


@pytest.fixture(params=["an old server", "a folder of files"])
def plain(request: pytest.FixtureRequest, repository: Repository) -> Iterator[str]:
    """Servers that hand out no single commits, and the second one no history that is cut off."""
    git(repository.folder / "flowers.git", "update-server-info")
    files = partial(SimpleHTTPRequestHandler, directory=str(repository.folder))
    old = request.param == "an old server"
    serving = server(repository.folder, old=True) if old else ThreadingHTTPServer(("127.0.0.1", 0), files)
    with served(serving) as address:
        yield address


@pytest.mark.parametrize("named", ["v1", "team/faster"])
def test_a_commit_is_found_where_the_server_hands_out_no_single_commits(
    tmp_path: Path, repository: Repository, plain: str, named: str
):
    fetched = fetch(tmp_path, plain, repository.commits[named])
    assert fetched.code == 0, fetched.log
    assert fetched.head() == repository.commits[named]


@pytest.mark.parametrize("revision", ["main", "team/faster", "v1"])
def test_a_name_is_found_where_the_server_hands_out_no_single_commits(
    tmp_path: Path, repository: Repository, plain: str, revision: str
):
    assert fetch(tmp_path, plain, revision).report == repository.commits[revision]


def test_a_commit_that_is_not_there_is_said_by_such_servers_too(tmp_path: Path, plain: str):
    fetched = fetch(tmp_path, plain, MISSING)
    assert (fetched.code, f"There is no branch, tag or commit '{MISSING}'" in fetched.report) == (2, True)
