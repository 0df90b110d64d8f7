"""``%timeit``, ``%time`` and ``%prun``: measure how long the notebook's code takes."""

from __future__ import annotations

import sys
import time

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

UNITS = (("s", 1.0), ("ms", 1e3), ("μs", 1e6), ("ns", 1e9))
ENOUGH = 0.2  #: seconds that a loop should take
TEMPLATE = """\
def inner(_it, _timer):
    setup
    _t0 = _timer()
    for _i in _it:
        statement
    _t1 = _timer()
    return _t1 - _t0
"""


# -------------------------------------------------------------------- %time
class Clock:
    """Measures wall and CPU time since it was created."""

    def __init__(self) -> None:
        self.wall, self.used = time.perf_counter(), time.process_time()

    def show(self) -> None:
        used, wall = time.process_time() - self.used, time.perf_counter() - self.wall
        print("CPU times: total: %s\nWall time: %s" % (readable(used), readable(wall)))


class Timed:
    """``with Timed():`` prints how long its body took."""

    def __enter__(self) -> None:
        self._clock = Clock()

    def __exit__(self, *_: Any) -> None:
        self._clock.show()


def readable(seconds: float, digits: int = 3) -> str:
    """Seconds as a person reads them: ``1min 2s``, ``12.3 ms``."""
    if seconds >= 60:
        whole = int(seconds)
        parts = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
        return " ".join("%d%s" % part for part in parts if part[0])
    unit, scale = next((u for u in UNITS if seconds * u[1] >= 1), UNITS[3] if seconds > 0 else UNITS[0])
    return "%.*g %s" % (digits, seconds * scale, unit)


# -------------------------------------------------------------------- %timeit
class TimeitResult:
    """What ``%timeit -o`` gives, with IPython's names."""

    def __init__(self, loops: int, repeat: int, all_runs: list[float], compile_time: float, precision: int) -> None:
        self.loops, self.repeat, self.all_runs = loops, repeat, all_runs
        self.compile_time, self._precision = compile_time, precision
        self.timings = [run / loops for run in all_runs]
        self.best, self.worst = min(self.timings), max(self.timings)

    @property
    def average(self) -> float:
        return sum(self.timings) / len(self.timings)

    @property
    def stdev(self) -> float:
        mean = self.average
        return float((sum((t - mean) ** 2 for t in self.timings) / len(self.timings)) ** 0.5)

    def __str__(self) -> str:
        return "%s ± %s per loop (mean ± std. dev. of %d run%s, %s loop%s each)" % (
            readable(self.average, self._precision), readable(self.stdev, self._precision),
            self.repeat, "" if self.repeat == 1 else "s", format(self.loops, ","), "" if self.loops == 1 else "s",
        )  # fmt: skip

    def __repr__(self) -> str:
        return "<TimeitResult : %s>" % self

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


def timeit(line: str, body: str | None, names: dict[str, Any], local: dict[str, Any]) -> TimeitResult | None:
    """``%timeit`` and ``%%timeit``. Names that the timed code binds are local to it, as in IPython."""
    from kfnb.runtime.magics.magic_options import options_of

    options, statement = options_of(line, "n:r:tcp:qov:")
    if not statement and body is None:
        return None
    setup, timed = ("pass", statement) if body is None else (statement or "pass", body)
    start = time.perf_counter()
    inner = _compiled(setup, timed, {**names, **local} if local is not names else names)
    compile_time = time.perf_counter() - start
    timer = time.process_time if "c" in options else time.perf_counter
    number, repeat = int(options.get("n", 0)), int(options.get("r", 7))
    loops = number if number > 0 else _loops(inner, timer)
    runs = [_once(inner, timer, loops) for _ in range(max(1, repeat))]
    result = TimeitResult(loops, len(runs), runs, compile_time, int(options.get("p", 3)))
    if "q" not in options:
        if result.worst > 4 * result.best > 0 and result.worst > 1e-6:
            ratio = result.worst / result.best
            print("The slowest run took %0.2f times longer than the fastest. "
                  "This could mean that an intermediate result is being cached." % ratio)  # fmt: skip
        print(result)
    if "v" in options:
        names[options["v"]] = result
    return result if "o" in options else None


def _compiled(setup: str, timed: str, names: dict[str, Any]) -> Any:
    """A function that sets up and runs the timed statements in a loop."""
    import ast

    from kfnb.runtime.cells.ipython_syntax import translate

    parts = {"setup": ast.parse(translate(setup).code).body, "statement": ast.parse(translate(timed).code).body}
    tree = ast.parse(TEMPLATE)

    class Filler(ast.NodeTransformer):
        def visit_Expr(self, node: ast.Expr) -> Any:
            name = node.value.id if isinstance(node.value, ast.Name) else ""
            return parts[name] or [ast.Pass()] if name in parts else node

    found: dict[str, Any] = {}
    exec(compile(ast.fix_missing_locations(Filler().visit(tree)), "<timeit>", "exec"), names, found)
    return found["inner"]


def _loops(inner: Any, timer: Any) -> int:
    number = 1
    while number < 10**9 and _once(inner, timer, number) < ENOUGH:
        number *= 10
    return number


def _once(inner: Any, timer: Any, loops: int) -> float:
    import gc
    import itertools

    collecting = gc.isenabled()
    gc.disable()
    try:
        return float(inner(itertools.repeat(None, loops), timer))
    finally:
        if collecting:
            gc.enable()


# -------------------------------------------------------------------- %prun
def profiled(body: Any, line: str) -> Any:
    """Run ``body`` and print where its time went, for ``%prun``, ``%%prun`` and ``%run -p``."""
    import cProfile
    import pstats

    from kfnb.runtime.magics.magic_options import options_of

    options, _ = options_of(line, "D:l:rs:T:q")
    profile = cProfile.Profile()
    try:
        profile.runcall(body)
    finally:
        stats = pstats.Stats(profile, stream=sys.stdout).sort_stats(*[options["s"]] if "s" in options else ["time"])
        if "q" not in options:
            limit = options.get("l", "")
            stats.print_stats(*[int(limit) if limit.isdigit() else limit] if limit else [])
        if "D" in options:
            stats.dump_stats(options["D"])
    return stats if "r" in options else None
