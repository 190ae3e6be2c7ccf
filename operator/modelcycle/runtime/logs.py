"""Structured logs: one JSON object a line, or plain lines for people."""

import logging
import sys
from typing import Literal

from pythonjsonlogger.json import JsonFormatter

# Their normal course is of no interest to anybody who runs the operator.
_QUIET = ("kopf", "aiohttp.access", "asyncio")


def configure(level: str, form: Literal["json", "plain"]) -> None:
    """Sets up the root logger on stderr."""
    handler = logging.StreamHandler(sys.stderr)
    if form == "json":
        names = {"asctime": "time", "levelname": "level", "name": "logger"}
        handler.setFormatter(
            JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s", rename_fields=names)
        )
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
