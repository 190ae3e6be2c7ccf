"""The environment of the container as one frozen object."""

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

Mode = Literal["Predict", "Load"]
Trust = Literal["Any", "NoPickle"]
Requirements = Literal["Image", "Install"]


@dataclass(frozen=True)
class Settings:
    """What the operator tells a serving pod; durations are seconds.

    model_uri, requirements and cache are the init container's: where the files lie if they are not at model_path,
    whether to install what the image lacks, and the folder for both.
    """

    model_path: Path
    model_uri: str
    requirements: Requirements
    cache: Path
    model_name: str
    model_version: str
    host: str
    port: int
    workers: int
    drain_seconds: float
    self_test: Mode
    self_test_timeout: float
    trust: Trust
    predict_timeout: float
    max_concurrency: int
    max_body_bytes: int
    batch_max_rows: int
    batch_max_latency: float
    request_log_sample: float
    request_log_file: str
    token_file: Path | None
    own_digest: str

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Raises ValueError, a sentence, for a variable that is missing or no number."""
        path = env.get("MODELCYCLE_MODEL_PATH", "")
        uri = env.get("MODELCYCLE_MODEL_URI", "")
        if not Path(path).is_absolute() and not uri:
            raise ValueError(
                f"MODELCYCLE_MODEL_PATH is {path!r}: set it to the absolute path of the folder that holds MLmodel."
            )
        return cls(
            model_path=Path(path),
            model_uri=uri,
            requirements=_choice(env, "MODELCYCLE_REQUIREMENTS", Requirements),
            cache=Path(env.get("MODELCYCLE_CACHE", "") or "/cache"),
            model_name=env.get("MODELCYCLE_MODEL_NAME", ""),
            model_version=env.get("MODELCYCLE_MODEL_VERSION", ""),
            host=env.get("MODELCYCLE_HOST", "0.0.0.0"),  # noqa: S104 (a pod is reached by its own address)
            port=int(_number(env, "PORT", 3000)),
            workers=max(1, int(_number(env, "MODELCYCLE_WORKERS", 1))),
            drain_seconds=_number(env, "MODELCYCLE_DRAIN_SECONDS", 5),
            self_test=_choice(env, "MODELCYCLE_SELF_TEST_MODE", Mode),
            self_test_timeout=_number(env, "MODELCYCLE_SELF_TEST_TIMEOUT_SECONDS", 30),
            trust=_choice(env, "MODELCYCLE_TRUST", Trust),
            predict_timeout=_number(env, "MODELCYCLE_PREDICT_TIMEOUT_SECONDS", 60),
            max_concurrency=int(_number(env, "MODELCYCLE_MAX_CONCURRENCY", 100)),
            max_body_bytes=int(_number(env, "MODELCYCLE_MAX_BODY_BYTES", 64 * 2**20)),
            batch_max_rows=int(_number(env, "MODELCYCLE_BATCH_MAX_ROWS", 0)),
            batch_max_latency=_number(env, "MODELCYCLE_BATCH_MAX_LATENCY_MS", 10) / 1000,
            request_log_sample=_number(env, "MODELCYCLE_REQUEST_LOG_SAMPLE", 0),
            request_log_file=env.get("MODELCYCLE_REQUEST_LOG_FILE", ""),
            token_file=Path(tokens) if (tokens := env.get("MODELCYCLE_TOKEN_FILE", "")) else None,
            own_digest=env.get("MODELCYCLE_OPERATOR_DIGEST", ""),
        )


@functools.cache
def of_process() -> Settings:
    """The settings of this process. Raises ValueError, a sentence."""
    return Settings.from_env(os.environ)


def _choice(env: Mapping[str, str], name: str, choices: Any) -> Any:
    """One of a Literal's values, the first by default."""
    allowed = get_args(choices)
    value = env.get(name, "").strip() or allowed[0]
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}: set it to one of {', '.join(allowed)}.")
    return value


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
