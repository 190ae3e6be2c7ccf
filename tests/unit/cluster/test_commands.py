"""Commands of PATH that are fit, and the Go that the others need."""

from pathlib import Path

import pytest

from cluster import commands


@pytest.mark.parametrize(
    ("name", "says", "fit"),
    [
        ("kind", "kind v0.30.0 go1.24.6 linux/amd64", True),
        ("kind", "kind v0.33.0 go1.26.8 linux/amd64", True),
        ("kind", "kind v0.29.0 go1.24.2 linux/amd64", False),
        ("kubectl", "Client Version: v1.34.4", True),
        ("kubectl", "Client Version: v1.32.4-dispatcher", True),
        ("kubectl", "Client Version: v1.28.2", False),
        ("helm", "v3.22.0+g1", True),
        ("helm", "v2.17.0", False),
        ("etcd", "etcd Version: 3.6.5", False),  # the one that goes with the API server is built
    ],
)
def test_a_command_on_path_is_taken_where_its_version_fits(
    name: str, says: str, fit: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    program = tmp_path / name
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commands.on_path(name) == (program if fit else None)


def test_go_is_needed_as_new_as_the_most_demanding_command_that_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert commands.least_go(["kind", "helm", "kubelet"]) == (1, 26)
    assert commands.least_go(["kind", "kubelet"]) == (1, 24)
    assert commands.least_go([]) is None


def test_a_cached_command_is_neither_built_nor_asked_go_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cached = commands._home(commands.COMMANDS["etcd"]) / "etcd"
    cached.parent.mkdir(parents=True)
    cached.touch()
    assert commands.least_go(["etcd"]) is None
    assert commands.built("etcd") == cached
