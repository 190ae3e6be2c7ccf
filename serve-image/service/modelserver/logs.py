"""One JSON object a line on stderr, also for warnings and for the libraries' own loggers."""

import json
import logging
import os
import time


class JsonLines(logging.Formatter):
    """A record as one line; a traceback becomes a field."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if hasattr(record, "error_id"):
            line["error_id"] = record.error_id
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure() -> None:
    """Sends every logger's lines to stderr. Call it before MLflow and BentoML are imported."""
    os.environ.setdefault("MLFLOW_CONFIGURE_LOGGING", "false")  # its own handler would write plain lines
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.captureWarnings(True)
