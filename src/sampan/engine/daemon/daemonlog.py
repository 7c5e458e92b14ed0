"""The daemon's own log, on standard error: one line a message, as text or as JSON (--log-format)."""

import json
import logging
import sys

from sampan.engine.daemon.config import DaemonConfig
from sampan.specs.golang import time as times

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
}
TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class JsonFormatter(logging.Formatter):
    """The keys are those of dockerd's JSON log."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "level": record.levelname.lower(),
            "msg": record.getMessage(),
            "logger": record.name,
            "time": times.rfc3339(int(record.created * 1e9)),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up(config: DaemonConfig) -> None:
    """Also after a reload: the level may have changed."""
    root = logging.getLogger()
    if not root.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonFormatter() if config.log_format == "json" else logging.Formatter(TEXT))
        root.addHandler(handler)
    root.setLevel(LEVELS["debug" if config.debug else config.log_level or "info"])
    # asyncio logs every subprocess and selector at debug level.
    logging.getLogger("asyncio").setLevel(logging.WARNING)
