"""Captures and restores the data of modules beside the notebook, and of the classes in them."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any


def capture(package: str) -> dict[str, Any]:
    """For each module of ``package`` its values by name, and those of its classes and functions."""
    found = {}
    for name, module in list(sys.modules.items()):
        if name == package or name.startswith(package + "."):
            names = vars(module)
            values = _picklable({k: v for k, v in names.items() if not k.startswith("__") and _is_data(v)}, name)
            classes = {}
            for key, cls in names.items():
                if isinstance(cls, type) and cls.__module__ == name:
                    class_values = {
                        k: v for k, v in vars(cls).items() if not k.startswith(("__", "_abc_")) and _is_data(v)
                    }
                    classes[key] = _picklable(class_values, "%s.%s" % (name, key))
            attributes = {k: dict(f.__dict__) for k, f in names.items() if _own_function(f, name) and f.__dict__}
            found[name] = (values, classes, attributes)
    return found


def restore(package: str, state: dict[str, Any]) -> None:
    """Restore the data of the modules. Containers are changed in place, so that other references stay valid."""
    import importlib

    for name, (values, classes, attributes) in state.items():
        module = importlib.import_module(name)
        for key, value in values.items():
            _replace_content(module, key, value)
        for key, class_values in classes.items():
            for attribute, value in class_values.items():
                _replace_content(getattr(module, key), attribute, value)
        for key, values in attributes.items():
            getattr(module, key).__dict__.update(values)


def _is_data(value: Any) -> bool:
    kind = type(value)
    own = hasattr(value, "__get__") or hasattr(value, "__code__") or isinstance(value, (type, type(sys)))
    return not own and kind.__name__ not in ("builtin_function_or_method", "_lru_cache_wrapper", "member_descriptor")


def _own_function(value: Any, module: str) -> bool:
    return hasattr(value, "__code__") and getattr(value, "__module__", None) == module


def _picklable(values: dict[str, Any], owner: str) -> dict[str, Any]:
    from kfnb.runtime.values.pickling import dump

    found = {}
    for name, value in values.items():
        try:
            dump({name: value})
        except Exception as error:  # whatever an object's own pickling raises
            if type(value).__name__ not in ("lock", "RLock", "Condition", "_local"):
                sys.stderr.write(
                    "kfnb: later steps do not get `%s.%s` as it is now, since it cannot be stored: %s\n"
                    % (owner, name, error)
                )
            continue
        found[name] = value
    return found


def _replace_content(owner: Any, name: str, value: Any) -> None:
    before = vars(owner).get(name)
    if type(before) is type(value) and type(value) in (dict, set):
        before.clear()
        before.update(value)
    elif type(before) is type(value) and type(value) in (list, bytearray):
        before[:] = value
    else:
        setattr(owner, name, value)
