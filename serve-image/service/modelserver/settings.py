"""The environment of the container as one frozen object."""

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """What the operator tells a serving pod; durations are seconds."""

    model_path: Path
    model_name: str
    model_version: str
    host: str
    port: int
    drain_seconds: float
    self_test_timeout: float
    predict_timeout: float
    max_concurrency: int
    max_body_bytes: int

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Raises ValueError, a sentence, for a variable that is missing or no number."""
        path = env.get("MODELCYCLE_MODEL_PATH", "")
        if not Path(path).is_absolute():
            raise ValueError(
                f"MODELCYCLE_MODEL_PATH is {path!r}: set it to the absolute path of the folder that holds MLmodel."
            )
        return cls(
            model_path=Path(path),
            model_name=env.get("MODELCYCLE_MODEL_NAME", ""),
            model_version=env.get("MODELCYCLE_MODEL_VERSION", ""),
            host=env.get("MODELCYCLE_HOST", "0.0.0.0"),  # noqa: S104 (a pod is reached by its own address)
            port=int(_number(env, "PORT", 3000)),
            drain_seconds=_number(env, "MODELCYCLE_DRAIN_SECONDS", 5),
            self_test_timeout=_number(env, "MODELCYCLE_SELF_TEST_TIMEOUT_SECONDS", 30),
            predict_timeout=_number(env, "MODELCYCLE_PREDICT_TIMEOUT_SECONDS", 60),
            max_concurrency=int(_number(env, "MODELCYCLE_MAX_CONCURRENCY", 100)),
            max_body_bytes=int(_number(env, "MODELCYCLE_MAX_BODY_BYTES", 64 * 2**20)),
        )


@functools.cache
def of_process() -> Settings:
    """The settings of this process. Raises ValueError, a sentence."""
    return Settings.from_env(os.environ)


def _number(env: Mapping[str, str], name: str, default: float) -> float:
    value = env.get(name, "").strip()
    if not value:
        return default
    try:
        number = float(value)
    except ValueError:
        number = -1
    if not 0 <= number < float("inf"):
        raise ValueError(f"{name} is {value!r}: set it to a number, zero or more.")
    return number
