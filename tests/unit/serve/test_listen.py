"""The socket that the server accepts from."""

import socket

from modelserver.__main__ import listen


def test_answers_go_out_at_once_on_the_connections_that_it_accepts() -> None:
    with (
        listen("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
