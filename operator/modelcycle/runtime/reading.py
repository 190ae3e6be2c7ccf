"""Bodies of answers, as far as there is room for them."""

import aiohttp

PIECE_BYTES = 64 * 1024


async def at_most(limit: int, content: aiohttp.StreamReader) -> bytes:
    """The first `limit` bytes."""
    parts, left = [], limit
    while left and (piece := await content.read(min(left, PIECE_BYTES))):
        parts.append(piece)
        left -= len(piece)
    return b"".join(parts)
