"""Memory, disk and Go, said in one sentence."""

import pytest

from cluster.machine import GB, Room, judge, require_packages
from cluster.shell import Problem

ENOUGH = Room(memory=16 * GB, disk=40 * GB, go=(1, 26, 8))


@pytest.mark.parametrize("least_go", [None, (1, 24), (1, 26)])
def test_a_machine_with_room_is_described(least_go: tuple[int, ...] | None):
    sentence = "This machine has 16 GB of memory, 40 GB of free disk and Go 1.26.8."
    assert judge(ENOUGH, least_go) == sentence


def test_go_is_not_asked_for_where_nothing_is_built():
    assert judge(Room(8 * GB, 15 * GB, None), None).endswith("and no Go.")


@pytest.mark.parametrize(
    ("room", "lack"),
    [
        (Room(4 * GB, 40 * GB, (1, 26, 8)), "a cluster needs 8 GB of memory."),
        (Room(16 * GB, 15 * GB - 1, (1, 26, 8)), "a cluster needs 15 GB of free disk."),
        (Room(4 * GB, 2 * GB, (1, 26, 8)), "8 GB of memory and 15 GB of free disk."),
        (Room(16 * GB, 40 * GB, (1, 19, 8)), "a cluster needs Go 1.26 .unpack"),
        (Room(16 * GB, 40 * GB, None), "and no Go; a cluster needs Go 1.26 .unpack"),
    ],
)
def test_a_machine_without_room_hears_what_it_lacks(room: Room, lack: str):
    with pytest.raises(Problem, match=lack):
        judge(room, (1, 26))


def test_packages_are_named_where_the_system_has_no_apt(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("cluster.machine.PACKAGES", {"podman": ("/nowhere/podman",), "runc": ("/",)})
    with pytest.raises(Problem, match="Install podman with this system's package manager"):
        require_packages("podman", "runc")
