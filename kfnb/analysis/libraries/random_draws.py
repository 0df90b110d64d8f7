"""Random draws: which calls draw from the global generator of a library, and which call created a value.

A call into a library that uses random numbers counts as a draw, unless a table says that it does not draw or it has a
seed. A false draw only makes a step wait; a missed one would change the numbers.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterable, Iterator

from kfnb.analysis.libraries import random_draw_tables as tables
from kfnb.analysis.libraries.effect_tables import (
    MUTATORS,
    PURE_METHODS,
    RANDOM_OWN,
    SEED_KEYWORDS,
    STATEFUL_MAKERS,
    VIEW_METHODS,
)
from kfnb.analysis.libraries.random_draw_tables import NUMPY, TORCH
from kfnb.analysis.syntax.ast_queries import COMPREHENSIONS, dotted

SEEDED = " (seeded)"
PLAIN = "builtins"  #: stands for the call that creates texts, numbers and containers of them
#: Expressions whose value is not created by a library call.
PLAIN_EXPRESSIONS = frozenset((ast.Constant, ast.JoinedStr, ast.Compare, ast.BinOp, ast.UnaryOp, ast.Lambda))
KNOWN_METHODS = PURE_METHODS | VIEW_METHODS | MUTATORS
PASSING = frozenset("zip enumerate list dict sorted reversed tuple iter next".split())
Maker = Callable[[str], str]
Origin = Callable[[str], str | None]


def seeded(node: ast.Call, origin: Origin) -> bool:
    """Whether a call has a seed or a generator of its own among its arguments."""
    return bool(node.keywords) and any(k.arg in SEED_KEYWORDS and not _nothing(k.value, origin) for k in node.keywords)


def _nothing(node: ast.expr, origin: Origin) -> bool:
    return isinstance(node, ast.Constant) and node.value is None or dotted(node, origin) in ("numpy.random", "random")


# -------------------------------------------------------------------- the call that created a value
def maker_of(node: ast.expr | None, origin: Origin, made_by: Maker) -> str | None:
    """The library call that created a value. Of several, it is the first whose result draws random numbers.

    Returns
    -------
    str or None
        ``""`` if it is unknown, ``None`` for plain values. ``(seeded)`` at its end says that it had a seed.
    """
    if node is None or type(node) in PLAIN_EXPRESSIONS:
        return None
    if type(node) is ast.Name:
        return made_by(node.id)
    if type(node) is ast.Call:
        return _maker_of_call(node, origin, made_by)
    if isinstance(node, (ast.Subscript, ast.Attribute, ast.Starred, ast.NamedExpr, ast.Await)):
        return maker_of(node.value, origin, made_by)
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return _of_several(maker_of(e, origin, made_by) for e in node.elts)
    if isinstance(node, ast.Dict):
        return _of_several(maker_of(v, origin, made_by) for v in node.values)
    if isinstance(node, COMPREHENSIONS):
        element = node.value if isinstance(node, ast.DictComp) else node.elt
        loops = {n.id: g.iter for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
        return maker_of(
            element, origin, lambda n: (maker_of(loops[n], origin, made_by) or "") if n in loops else made_by(n)
        )
    if isinstance(node, ast.IfExp):
        return _of_several((maker_of(node.body, origin, made_by), maker_of(node.orelse, origin, made_by)))
    if isinstance(node, ast.BoolOp):
        return _of_several(maker_of(v, origin, made_by) for v in node.values)
    return ""


def _maker_of_call(node: ast.Call, origin: Origin, made_by: Maker) -> str | None:
    name = dotted(node.func, origin)
    if name is None and isinstance(node.func, ast.Name) and node.func.id in PASSING:
        return _of_several(maker_of(a, origin, made_by) for a in node.args)
    if name is None:
        return maker_of(node.func.value, origin, made_by) if isinstance(node.func, ast.Attribute) else ""
    if name.rpartition(".")[2] in tables.COMPOSED and name.startswith(("sklearn.", "imblearn.")):
        inner = _of_several(maker_of(v, origin, made_by) for v in _estimators(node))
        return name if inner is None or not _makes_drawing(inner) else inner or "sklearn"
    return name + SEEDED if seeded(node, origin) or _deterministic_by_arguments(node, name) else name


def _estimators(node: ast.Call) -> list[ast.expr]:
    """The arguments that may be estimators, such as the first one and the splitter of `GridSearchCV`."""
    several = dotted(node.func, lambda n: n) or ""
    if several.rpartition(".")[2] in ("make_pipeline", "make_union", "make_column_transformer"):
        return [*node.args]
    named = (
        "estimator",
        "estimators",
        "steps",
        "transformers",
        "transformer_list",
        "cv",
        "base_estimator",
        "final_estimator",
        "regressor",
    )
    return [*node.args[:1], *(k.value for k in node.keywords if k.arg in named)]


def _deterministic_by_arguments(node: ast.Call, name: str) -> bool:
    """Whether a call that draws with other arguments does not draw with these."""
    constants = {k.arg: k.value.value for k in node.keywords if isinstance(k.value, ast.Constant)}
    if name.endswith((".LogisticRegression", ".LogisticRegressionCV", ".RidgeClassifier")):
        return not any(k.arg == "solver" for k in node.keywords) or constants.get("solver") in (
            "lbfgs",
            "newton-cg",
            "newton-cholesky",
            "cholesky",
            "svd",
        )
    if name.endswith(("KFold", "train_test_split")):
        return (
            constants.get("shuffle") is False
            or name.endswith("KFold")
            and not any(k.arg == "shuffle" for k in node.keywords)
            and len(node.args) < 2
        )
    return name.endswith(".PCA") and constants.get("svd_solver") in ("full", "covariance_eigh")


def _of_several(makers: Iterable[str | None]) -> str | None:
    known_makers = [m for m in makers if m is not None]
    return next((m for m in known_makers if _makes_drawing(m)), known_makers[0] if known_makers else None)


def _makes_drawing(maker: str) -> bool:
    """Whether an object that ``maker`` created may draw when it is fitted."""
    return bool(of_method(maker, "fit"))


# -------------------------------------------------------------------- the generators that a call draws from
def draws(
    node: ast.Call, library: str | None, origin: Origin, made_by: Maker, value: bool, own_method: bool
) -> Iterable[str]:
    """The kinds of generators that a call draws from.

    Parameters
    ----------
    value
        Whether the call calls a value, which may be a torch module, as in ``model(x)``.
    own_method
        Whether the call calls a method of the notebook. Its body says what it draws.
    """
    seeded_call = seeded(node, origin)
    function = node.func
    if library is not None:
        return _of_function(node, library, seeded_call, origin, made_by)
    if not isinstance(function, ast.Attribute):
        return _of_value(function, origin, made_by) if value else ()
    if seeded_call or own_method:
        return ()
    if function.attr == "resample" and node.args and isinstance(getattr(node.args[0], "value", None), str):
        return ()  # of a time series
    return of_method(maker_of(function.value, origin, made_by) or "", function.attr)


def _of_value(function: ast.expr, origin: Origin, made_by: Maker) -> Iterator[str]:
    """The generators that calling a value draws from. It may be a torch module or a bound method."""
    yield TORCH
    if (
        isinstance(function, ast.Call)
        and isinstance(function.func, ast.Name)
        and function.func.id == "getattr"
        and function.args
    ):
        function = function.args[0]
    elif not isinstance(function, ast.Name):
        return
    yield from of_method(maker_of(function, origin, made_by) or PLAIN, "fit")


def _of_function(node: ast.Call, name: str, seeded_call: bool, origin: Origin, made_by: Maker) -> Iterable[str]:
    library, _, last = name.rpartition(".")
    first = name.partition(".")[0]
    if library in ("random", "numpy.random"):
        return () if last in RANDOM_OWN else (f"@{library}",)
    if first == "torch":
        return (TORCH,) if not seeded_call and _torch_draws(library, last) else ()
    if first in tables.DRAWING_LIBRARIES or name.startswith(tables.DRAWING_PREFIXES):
        if last in tables.FITTING:
            makers = [maker_of(v, origin, made_by) for v in _estimators(node)]
            return (NUMPY,) if any(m is not None and _makes_drawing(m) for m in makers) else ()
        if not seeded_call and _draws_by_name(name, last) and not _deterministic_by_arguments(node, name):
            return tables.DRAWING_LIBRARIES.get(first, (NUMPY,))
    return ()


def _torch_draws(library: str, last: str) -> bool:
    layer = library.startswith("torch.nn") and (last[:1].isupper() or library.endswith(".init"))
    return layer or last.startswith("rand") or last in tables.TORCH_DRAWING or library.startswith("torch.distributions")


def _draws_by_name(name: str, last: str) -> bool:
    if name.startswith(tables.DRAWING_PREFIXES) or last in tables.ALWAYS_DRAWING:
        return True
    if name.startswith(tables.NON_DRAWING_PREFIXES):
        return False
    if name.startswith("networkx."):
        return any(word in last for word in tables.DRAWING_GRAPHS)
    # Creating an estimator draws nothing, unless its initial weights are random.
    return not last[:1].isupper() and last not in tables.COMPOSED or name.startswith(("keras.", "tensorflow.", "torch"))


@functools.lru_cache(maxsize=4096)
def of_method(maker: str, name: str) -> tuple[str, ...]:
    """The generators that the method ``name`` of an object from ``maker`` draws from."""
    return tuple(_of_method(maker, name))


def _of_method(maker: str, name: str) -> Iterator[str]:
    if maker.endswith(SEEDED) or maker.startswith(STATEFUL_MAKERS):
        return
    first = maker.partition(".")[0]
    if name in tables.ALWAYS_DRAWING or name == "resample" and first == "scipy":
        yield NUMPY
        return
    drawing = tables.DRAWING_LIBRARIES.get(first)
    if drawing is not None or maker.startswith(tables.DRAWING_PREFIXES):
        yield from _of_estimator(maker, name, drawing or (NUMPY,))
    elif maker == "" and name in tables.DRAWING_METHODS:
        yield from (NUMPY, *(k for k in tables.DRAWING_LIBRARIES["keras"] if name == "fit" and k != NUMPY), TORCH)
    elif name == "sample" and first not in ("torch", "numpy"):
        yield NUMPY
    if first in ("torch", "") and (name in tables.TORCH_METHODS or name not in KNOWN_METHODS and maker == ""):
        yield TORCH  # a module's layer: `self.hidden(x)`


def _of_estimator(maker: str, name: str, kinds: tuple[str, ...]) -> Iterator[str]:
    steady = maker.startswith(tables.NON_DRAWING_PREFIXES) and not maker.startswith(tables.DRAWING_PREFIXES)
    last = maker.rpartition(".")[2]
    if maker.startswith("networkx."):
        return
    if last in tables.COMPOSED:
        steady = True  # `maker_of` names the estimator inside instead, if that one draws
    if name == "sample":
        yield from kinds
    elif not steady and name not in tables.NON_DRAWING_METHODS and not name.startswith(("get_", "set_")):
        yield from kinds if last[:1].isupper() or name in tables.DRAWING_METHODS else ()
