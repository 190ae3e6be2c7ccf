"""Which ports of this machine lead to which NodePorts."""

import socket

import pytest

from cluster.ports import any_free, assign, is_free


@pytest.mark.parametrize(
    ("taken", "free", "assigned"),
    [
        (set(), [], {30500: 30500, 30080: 30080}),
        ({30500}, [40001], {30500: 40001, 30080: 30080}),
        ({30500, 30080}, [40001, 40002], {30500: 40001, 30080: 40002}),
        # The system may offer the same free port twice, or one of those that are wanted.
        ({30500, 30080}, [40001, 40001, 40002], {30500: 40001, 30080: 40002}),
        ({30500}, [30080, 40001], {30500: 30080, 30080: 40001}),
    ],
)
def test_a_taken_port_is_replaced_by_a_free_one(taken: set[int], free: list[int], assigned: dict[int, int]):
    offers = iter(free)
    assert assign([30500, 30080], lambda port: port not in taken, lambda: next(offers)) == assigned


def test_a_port_is_taken_while_somebody_listens_on_it():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert not is_free(port)
    assert is_free(any_free())
