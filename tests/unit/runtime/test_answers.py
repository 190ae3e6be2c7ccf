"""The last bytes of a log, however long it is."""

import pytest
from modelcycle.runtime.answers import MEMORY_BYTES, Tail


@pytest.mark.parametrize("limit", [7, MEMORY_BYTES * 3 + 5], ids=["in memory", "in a file"])
@pytest.mark.parametrize("length", [0, 0.5, 1, 1.5, 2, 3.3], ids=lambda share: f"{share} of what is kept")
@pytest.mark.parametrize("piece", [1, 64 * 1024, 10**9], ids=lambda size: f"by {size}")
async def test_a_tail_is_the_last_bytes_of_a_stream(limit: int, length: float, piece: int) -> None:
    if piece == 1 and limit > 100:
        piece = 999
    whole = bytes(n % 251 for n in range(int(length * limit)))
    with Tail(limit) as tail:
        for at in range(0, len(whole), piece):
            tail.add(whole[at : at + piece])
        kept = b"".join([part async for part in tail.pieces()])
        assert kept == whole[-limit:]
        assert tail.size == len(kept)
