"""`Failed` takes the place of a value in a collected list when its iteration failed under ``on-failure:continue``."""

from __future__ import annotations

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, NoReturn


class FailedValueError(RuntimeError):
    """The code uses a value that a failed iteration did not produce."""


class Failed:
    """Takes the place of a failed iteration in a collected list: ``[x for x in xs if not isinstance(x, kfnb.Failed)]``.

    Any use of it as a value raises `FailedValueError` with the step's own error.

    Parameters
    ----------
    step
        The step that failed.
    index
        The place in the list.
    type, message
        Of the exception.
    item
        What the loop gave the iteration, where that is known.
    """

    def __init__(self, step: str, index: int | None, type: str, message: str, item: Any = None) -> None:
        self.step, self.index, self.type, self.message, self.item = step, index, type, message, item

    def __repr__(self) -> str:
        place = "" if self.index is None else ", at %d" % self.index
        return "Failed(%s%s: %s: %s)" % (self.step, place, self.type, self.message)

    def __reduce__(self) -> Any:
        return Failed, (self.step, self.index, self.type, self.message, self.item)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)  # code that looks for a protocol finds none
        self._used()

    def _used(self, *_: Any) -> NoReturn:
        where = "" if self.index is None else " of item %d" % self.index
        raise FailedValueError(
            "the value of step `%s`%s does not exist, since the step failed: %s: %s (leave it out with isinstance(x, kfnb.Failed))"
            % (self.step, where, self.type, self.message)
        )

    __bool__ = __len__ = __iter__ = __getitem__ = __call__ = __float__ = __int__ = __index__ = __format__ = _used
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __floordiv__ = _used
    __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __neg__ = __abs__ = __round__ = __contains__ = _used
    __lt__ = __le__ = __gt__ = __ge__ = __and__ = __rand__ = __or__ = __ror__ = _used


def failed(failure: dict[str, Any], index: int | None) -> Failed:
    """The `Failed` for a recorded failure: ``step``, ``type``, ``message`` and perhaps ``item``."""
    return Failed(failure["step"], index, failure["type"], failure["message"], failure.get("item"))


def collected(item: dict[str, Any], store: Any) -> list[Any]:
    """The values of a loop's iterations in order, with a `Failed` for each failed one."""
    found: list[Any] = []
    for index, bundle in enumerate(item["bundles"]):
        if isinstance(bundle, dict):
            found.append(failed(bundle["failed"], index))
        else:
            found.append(store.load(bundle, item["name"]))
    return found
