"""Captures and restores the loggers of a step: their levels, filters and handlers."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

STREAMS = ("stdout", "stderr")


def capture() -> dict[str, Any]:
    """The settings of each logger by its name; the root logger has the name ``""``."""
    import logging

    known = logging.root.manager.loggerDict
    loggers = [("", logging.root), *((n, x) for n, x in known.items() if isinstance(x, logging.Logger))]
    levels = {n: v for n, v in logging._nameToLevel.items() if n not in STANDARD}
    return {
        "disabled": logging.root.manager.disable,
        "levels": levels,
        "loggers": {n: _save_logger(x) for n, x in loggers},
    }


def restore(state: dict[str, Any]) -> None:
    import logging

    logging.root.manager.disable = state["disabled"]
    for name, level in state["levels"].items():
        logging.addLevelName(level, name)
    handlers: dict[int, Any] = {}
    for name, saved in state["loggers"].items():
        logger = logging.getLogger(name)
        logger.setLevel(saved["level"])
        logger.propagate, logger.disabled = saved["propagate"], saved["disabled"]
        logger.filters[:] = saved["filters"]
        for handler in saved["handlers"]:
            if handler["key"] not in handlers:  # one handler may serve several loggers
                handlers[handler["key"]] = _restore_handler(handler)
        logger.handlers[:] = [handlers[h["key"]] for h in saved["handlers"]]


STANDARD = frozenset(("CRITICAL", "FATAL", "ERROR", "WARN", "WARNING", "INFO", "DEBUG", "NOTSET"))


def _save_logger(logger: Any) -> dict[str, Any]:
    handlers = [t for h in logger.handlers if (t := _save_handler(h, logger.name)) is not None]
    return {
        "level": logger.level, "propagate": logger.propagate, "disabled": logger.disabled,
        "filters": list(logger.filters), "handlers": handlers,
    }  # fmt: skip


def _save_handler(handler: Any, logger: str) -> dict[str, Any] | None:
    """What is needed to create the handler again: its class, its attributes and where it writes."""
    state = {k: v for k, v in vars(handler).items() if k not in ("lock", "stream", "_name", "_closed")}
    found = {"key": id(handler), "class": type(handler), "state": state, "name": handler.name}
    stream = getattr(handler, "stream", None)
    if stream is not None and not hasattr(handler, "baseFilename"):
        names = [n for n in STREAMS if stream in (getattr(sys, n), getattr(sys, "__%s__" % n))]
        found["stream"] = names[0] if names else None
    try:
        from kfnb.runtime.values.pickling import dump

        if found.get("stream", "") is None:
            raise ValueError("it writes to a stream of this process")
        dump({"handler": found})
    except Exception as error:  # whatever an object's own pickling raises
        sys.stderr.write(
            "kfnb: later steps do not get %r of logger `%s`, since it cannot be stored: %s\n" % (handler, logger, error)
        )
        return None
    return found


def _restore_handler(saved: dict[str, Any]) -> Any:
    import logging

    handler = saved["class"].__new__(saved["class"])
    handler.__dict__.update(saved["state"])
    handler.createLock()
    handler.__dict__.setdefault("_name", None)
    handler.set_name(saved["name"])
    if "stream" in saved:
        handler.stream = getattr(sys, saved["stream"])
    elif hasattr(handler, "baseFilename"):
        handler.mode, handler.stream = "a", None  # append to the file, which is opened at the first message
        handler.__dict__.setdefault("_closed", False)
    logging._addHandlerRef(handler) if hasattr(logging, "_addHandlerRef") else None
    return handler
