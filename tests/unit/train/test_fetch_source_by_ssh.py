"""The script that checks out a run's source, with the real ssh, against an SSH server."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.train.checkout import Repository, fetch, scratch
from tests.unit.train.ssh_server import SshServer, a_key

pytestmark = pytest.mark.skipif(not shutil.which("ssh"), reason="no ssh here: install openssh-client")


@pytest.fixture
def ssh(repository: Repository) -> Iterator[SshServer]:
    started = SshServer(repository.folder)
    yield started
    started.close()


def secret(ssh: SshServer) -> dict[str, str]:
    return {"SOURCE_SECRET": "key", "SECRET_ssh_privatekey": ssh.key, "SECRET_known_hosts": ssh.known_hosts}


def url(ssh: SshServer) -> str:
    return f"ssh://git@127.0.0.1:{ssh.port}/flowers.git"


@pytest.mark.parametrize("named", ["main", "v1", "team/faster"])
def test_a_key_lets_a_branch_a_tag_and_a_commit_in(
    tmp_path: Path, repository: Repository, ssh: SshServer, named: str
):
    fetched = fetch(tmp_path, url(ssh), named, **secret(ssh))
    assert fetched.code == 0, fetched.log
    assert fetched.report == fetched.head() == repository.commits[named]
    again = fetch(tmp_path, url(ssh), repository.commits[named], pod="b", **secret(ssh))
    assert again.head() == repository.commits[named]


def test_a_key_that_lost_its_last_line_end_is_read_all_the_same(
    tmp_path: Path, repository: Repository, ssh: SshServer
):
    cut = {**secret(ssh), "SECRET_ssh_privatekey": ssh.key.strip()}
    assert fetch(tmp_path, url(ssh), **cut).report == repository.commits["main"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"SECRET_ssh_privatekey": a_key()}, "refuses the credentials of Secret 'key'"),
        ({"SECRET_ssh_privatekey": "not a key"}, "is no private key that ssh can read"),
        ({"SECRET_ssh_privatekey": ""}, "Secret 'key' has no ssh-privatekey, which ssh needs"),
        ({"SECRET_known_hosts": ""}, "Secret 'key' has no known_hosts, which ssh needs (ssh-keyscan HOST"),
        ({"SECRET_known_hosts": "[127.0.0.1]:1 ssh-ed25519 AAAA"}, "does not show a key that known_hosts"),
    ],
    ids=["another key", "no key at all", "an empty key", "no known hosts", "another server's key"],
)
def test_what_is_wrong_with_the_secret_is_said_without_it(
    tmp_path: Path, ssh: SshServer, wrong: dict[str, str], words: str
):
    fetched = fetch(tmp_path, url(ssh), **{**secret(ssh), **wrong})
    assert fetched.code == 2, fetched.log
    assert words in fetched.report
    assert "PRIVATE KEY" not in fetched.log + fetched.report
    assert "not a key" not in fetched.log + fetched.report
    assert list(scratch(tmp_path).iterdir()) == [], "no key is left behind"
