"""What is asked of the model's answer to its own input example, before anybody else asks it for one."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from modelserver.failures import SelfTestFailedError
from modelserver.output import Column, misfit

BY_LOADING = "selfTest.mode is Load: loading is all that is proven."


@contextmanager
def asking() -> Iterator[None]:
    """While the model predicts: one whose predict has side effects can tell that nobody asked."""
    os.environ["MODELCYCLE_SELF_TEST"] = "1"
    try:
        yield
    finally:
        del os.environ["MODELCYCLE_SELF_TEST"]


def refuse_misfit(answer: Any, outputs: Sequence[Column]) -> None:
    """Raises SelfTestFailedError for an answer that is not what the signature promises."""
    if said := misfit(answer, outputs):
        raise SelfTestFailedError(
            f"The model's answer to its own input example does not fit its signature: {said}. "
            "Log the model again with a signature that is inferred from its predictions."
        )
