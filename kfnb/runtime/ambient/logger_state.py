"""Loggers as a step left them: levels, filters, handlers, for the next step to have the same."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

STREAMS = ("stdout", "stderr")


def capture() -> dict[str, Any]:
    """What is set on each logger, by name; the root has the name ``""``."""
    import logging

    known = logging.root.manager.loggerDict
    named = [("", logging.root), *((n, x) for n, x in known.items() if isinstance(x, logging.Logger))]
    levels = {n: v for n, v in logging._nameToLevel.items() if n not in STANDARD}
    return {"disabled": logging.root.manager.disable, "levels": levels, "loggers": {n: _told(x) for n, x in named}}


def restore(state: dict[str, Any]) -> None:
    import logging

    logging.root.manager.disable = state["disabled"]
    for name, level in state["levels"].items():
        logging.addLevelName(level, name)
    made: dict[int, Any] = {}
    for name, told in state["loggers"].items():
        logger = logging.getLogger(name)
        logger.setLevel(told["level"])
        logger.propagate, logger.disabled = told["propagate"], told["disabled"]
        logger.filters[:] = told["filters"]
        for handler in told["handlers"]:
            if handler["key"] not in made:  # one handler may serve several loggers
                made[handler["key"]] = _handler(handler)
        logger.handlers[:] = [made[h["key"]] for h in told["handlers"]]


STANDARD = frozenset(("CRITICAL", "FATAL", "ERROR", "WARN", "WARNING", "INFO", "DEBUG", "NOTSET"))


def _told(logger: Any) -> dict[str, Any]:
    handlers = [t for h in logger.handlers if (t := _described(h, logger.name)) is not None]
    return {
        "level": logger.level, "propagate": logger.propagate, "disabled": logger.disabled,
        "filters": list(logger.filters), "handlers": handlers,
    }  # fmt: skip


def _described(handler: Any, logger: str) -> dict[str, Any] | None:
    """What makes the handler anew: its class and attributes, and where it writes."""
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
        sys.stderr.write("kfnb: %r of logger `%s` stays in this step: %s\n" % (handler, logger, error))
        return None
    return found


def _handler(told: dict[str, Any]) -> Any:
    import logging

    handler = told["class"].__new__(told["class"])
    handler.__dict__.update(told["state"])
    handler.createLock()
    handler.__dict__.setdefault("_name", None)
    handler.set_name(told["name"])
    if "stream" in told:
        handler.stream = getattr(sys, told["stream"])
    elif hasattr(handler, "baseFilename"):
        handler.mode, handler.stream = "a", None  # what stands in the file is kept; it is opened when it is written to
        handler.__dict__.setdefault("_closed", False)
    logging._addHandlerRef(handler) if hasattr(logging, "_addHandlerRef") else None
    return handler
