"""Captures and restores ambient state: random generators, environment variables, options of libraries.

A step captures the state that it has changed, and a later step restores it.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Callable

_START = {"environ": dict(os.environ), "path": list(sys.path)}


def capture(kind: str) -> Any:
    """The current state of ``kind``."""
    if kind.startswith("@module:"):
        from kfnb.runtime.ambient import module_state

        return module_state.capture(kind[8:])
    return KINDS[kind][0]()


def restore(kind: str, state: Any) -> None:
    """Restore a captured state of ``kind``."""
    if kind.startswith("@module:"):
        from kfnb.runtime.ambient import module_state

        module_state.restore(kind[8:], state)
    elif state is not None:
        KINDS[kind][1](state)


def fingerprint(kind: str) -> Any:
    """A small value that changes when the generator does; ``None`` when its library is not imported."""
    module = {"@random": "random", "@numpy.random": "numpy.random"}[kind]
    return hash(repr(capture(kind))) if module in sys.modules else None


def begin() -> None:
    """Remember the environment and path that the step starts with: only changes to them are captured."""
    _START["environ"], _START["path"] = dict(os.environ), list(sys.path)


def _random() -> Any:
    import random

    return random.getstate()


def _set_random(state: Any) -> None:
    import random

    random.setstate(state)


def _numpy_random() -> Any:
    import numpy

    return numpy.random.get_state()


def _set_numpy_random(state: Any) -> None:
    import numpy

    numpy.random.set_state(state)


def _torch() -> Any:
    import torch

    cards = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"cpu": torch.get_rng_state().numpy(), "cards": [s.numpy() for s in cards]}


def _set_torch(state: Any) -> None:
    import torch

    torch.set_rng_state(torch.from_numpy(state["cpu"]))
    if torch.cuda.is_available() and len(state["cards"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all([torch.from_numpy(s) for s in state["cards"]])


def _tensorflow() -> Any:
    from tensorflow.python.eager import context

    here = context.context()
    keras = sys.modules.get("keras.src.backend.common.global_state")
    generator = keras.get_global_attribute("global_seed_generator") if keras else None
    return {
        "seed": here._seed,
        "operations": here._rng.getstate() if here._seed is not None else None,
        "keras": keras.get_global_attribute("global_random_seed") if keras else None,
        "state": generator.state.numpy() if generator is not None else None,
    }


def _set_tensorflow(state: Any) -> None:
    import tensorflow
    from tensorflow.python.eager import context

    if state["seed"] is not None:
        tensorflow.random.set_seed(state["seed"])
        context.context()._rng.setstate(state["operations"])
    if state["keras"] is not None:
        import keras
        from keras.src.backend.common import global_state
        from keras.src.random.seed_generator import global_seed_generator

        global_state.set_global_attribute("global_random_seed", state["keras"])
        global_state.set_global_attribute("global_seed_generator", None)
        if state["state"] is not None:
            global_seed_generator().state.assign(keras.ops.convert_to_tensor(state["state"]))


def _environ() -> Any:
    start = _START["environ"]
    current = dict(os.environ)
    return {
        "set": {k: v for k, v in current.items() if start.get(k) != v},  # type: ignore[attr-defined]
        "unset": [k for k in start if k not in current],
    }


def _set_environ(state: Any) -> None:
    os.environ.update(state["set"])
    for name in state["unset"]:
        os.environ.pop(name, None)
    _START["environ"] = {k: v for k, v in os.environ.items() if k not in state["set"]}


def _path() -> Any:
    return [p for p in sys.path if p not in _START["path"]]


def _set_path(state: Any) -> None:
    sys.path[:0] = [p for p in state if p not in sys.path]
    _START["path"] = [p for p in sys.path if p not in state]


def _warnings() -> Any:
    import warnings

    return list(warnings.filters)


def _set_warnings(state: Any) -> None:
    import warnings

    warnings.filters[:] = state  # type: ignore[index]
    warnings._filters_mutated() if hasattr(warnings, "_filters_mutated") else None


def _matplotlib() -> Any:
    import matplotlib

    current, plain = matplotlib.rcParams, matplotlib.rcParamsDefault
    skip = {"backend", "backend_fallback"}
    changed = {k: current[k] for k in current if k not in skip and current._get(k) != plain._get(k)}
    # seaborn registers styles and colour maps when it is imported
    return {"params": changed, "import": [m for m in ("seaborn",) if m in sys.modules]}


def _set_matplotlib(state: Any) -> None:
    import importlib

    import matplotlib

    for name in state["import"]:
        importlib.import_module(name)
    matplotlib.rcParams.update(state["params"])


def _pandas() -> Any:
    import pandas
    from pandas._config import config

    return {
        key: pandas.get_option(key)
        for key, option in config._registered_options.items()
        if key not in config._deprecated_options and pandas.get_option(key) != option.defval
    }


def _set_pandas(state: Any) -> None:
    import pandas

    for key, value in state.items():
        pandas.set_option(key, value)


def _numpy() -> Any:
    import numpy

    return {"print": dict(numpy.get_printoptions()), "error": dict(numpy.geterr())}


def _set_numpy(state: Any) -> None:
    import numpy

    known = numpy.get_printoptions()
    numpy.set_printoptions(**{k: v for k, v in state["print"].items() if k in known and k != "override_repr"})
    numpy.seterr(**state["error"])


def _decimal() -> Any:
    import decimal

    return decimal.getcontext().copy()


def _set_decimal(state: Any) -> None:
    import decimal

    decimal.setcontext(state)


def _locale() -> Any:
    import locale

    return locale.setlocale(locale.LC_ALL)


def _set_locale(state: Any) -> None:
    import locale

    locale.setlocale(locale.LC_ALL, state)


def _logging() -> Any:
    from kfnb.runtime.ambient import logger_state

    return logger_state.capture()


def _set_logging(state: Any) -> None:
    from kfnb.runtime.ambient import logger_state

    logger_state.restore(state)


def _set_cwd(state: Any) -> None:
    os.chdir(state)


KINDS: dict[str, tuple[Callable[[], Any], Callable[[Any], None]]] = {
    "@random": (_random, _set_random),
    "@numpy.random": (_numpy_random, _set_numpy_random),
    "@torch.random": (_torch, _set_torch),
    "@tensorflow.random": (_tensorflow, _set_tensorflow),
    "@environ": (_environ, _set_environ),
    "@cwd": (os.getcwd, _set_cwd),
    "@path": (_path, _set_path),
    "@warnings": (_warnings, _set_warnings),
    "@matplotlib": (_matplotlib, _set_matplotlib),
    "@pandas": (_pandas, _set_pandas),
    "@numpy": (_numpy, _set_numpy),
    "@decimal": (_decimal, _set_decimal),
    "@locale": (_locale, _set_locale),
    "@logging": (_logging, _set_logging),
}
