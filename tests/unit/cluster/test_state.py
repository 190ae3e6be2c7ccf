"""Which cluster a checkout means, and what it remembers of it."""

from pathlib import Path

import pytest

from cluster import paths, state
from cluster.rung import Rung
from cluster.shell import Problem
from cluster.state import Made

OURS = Made("second", Rung.BUILT_IMAGE, "podman", complete=True)
CURRENT = Made("modelcycle", Rung.CURRENT, "")


@pytest.mark.parametrize(
    ("made", "asked", "name"),
    [
        (None, "", "modelcycle"),
        (None, "third", "third"),
        (OURS, "", "second"),
        (OURS, "second", "second"),
        (CURRENT, "third", "third"),
    ],
)
def test_a_checkout_goes_on_with_the_cluster_it_has(
    made: Made | None, asked: str, name: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CLUSTER_NAME", asked)
    assert state.wanted_name(made) == name


def test_a_checkout_has_one_cluster(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CLUSTER_NAME", "third")
    with pytest.raises(Problem, match="called second, not third: run `make cluster-down` first"):
        state.wanted_name(OURS)


def test_what_was_kept_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(paths, "STATE", tmp_path / ".cluster")
    assert state.made() is None
    assert state.ports() == {}
    state.keep(OURS)
    state.keep_ports({30500: 41000})
    assert state.made() == OURS
    assert state.ports() == {30500: 41000}
