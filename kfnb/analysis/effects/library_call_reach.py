"""How far a library call reaches: only to its result, perhaps further, or surely into state that the library keeps.

A statement is run again in every later step unless it is proved to change only the names that it binds. So a name that
is unknown here never counts as harmless.
"""

from __future__ import annotations

import ast
import functools
import re
import sys

from kfnb.analysis.effects.effect_types import Effect, Frame
from kfnb.analysis.libraries import effect_tables
from kfnb.analysis.units.abstract_state import VALUE

UNPROVED, LIBRARY = (
    1,
    2,
)  #: the call may change more than its result; it changes something that every later step can see

#: First words of functions that change a library's settings: `set_config`, `setNumThreads`, `register`, `patch_all`.
SETTING_VERB = re.compile(
    r"(?:set|register|unregister|enable|disable|install|uninstall|patch|unpatch|configure|use|activate|deactivate)(?=_|[A-Z]|$)"
)
#: Other functions that change a library's settings, by their whole names.
SETTING_CALLS = effect_tables.word_set("""
    sys.setrecursionlimit sys.settrace sys.setprofile sys.setswitchinterval sys.addaudithook socket.setdefaulttimeout
    signal.signal signal.alarm signal.setitimer atexit.unregister os.umask os.nice time.tzset importlib.reload copyreg.pickle
    copyreg.constructor csv.field_size_limit gc.freeze threading.settrace threading.setprofile threading.stack_size
    resource.setrlimit tracemalloc.start site.addsitedir logging.basicConfig logging.disable logging.addLevelName
    logging.captureWarnings logging.config.dictConfig logging.config.fileConfig nest_asyncio.apply yaml.add_constructor
    yaml.add_representer numpy.seterrcall yaml.add_multi_constructor yaml.add_implicit_resolver mimetypes.add_type dask.config.set jax.config.update
    matplotlib.pyplot.ion matplotlib.pyplot.ioff matplotlib.pyplot.switch_backend unittest.mock.patch().start
    unittest.mock.patch.object().start unittest.mock.patch.dict().start cv2.setNumThreads cv2.setUseOptimized
    tqdm.pandas tqdm.tqdm.pandas tqdm.auto.tqdm.pandas tqdm.notebook.tqdm.pandas builtins.setattr
""")
#: Methods that change a library's settings, whatever their object is.
SETTING_METHODS = effect_tables.word_set("addHandler removeHandler addFilter removeFilter setLevel setFormatter")
#: Methods that change a collection. On a library's collection (`nltk.data.path.append`) they change its settings.
COLLECTING = effect_tables.word_set("""
    append extend insert pop remove clear update add discard setdefault popitem appendleft register set
""")
#: Parts of libraries where functions with such names only compute.
COMPUTING = ("numpy.", "operator.", "networkx.", "tensorflow.math.", "torch.ops.", "scipy.", "builtins.")
#: Functions that return an object that the library keeps, and return the same one to every caller.
SHARED_RESULTS = re.compile(r"(?:get|import|current|default|shared)(?=_|[A-Z]|[a-z]*(?:Logger|context)|$)|getcontext$")
UNSHARED_RESULTS = (
    "os.",
    "requests.",
    "httpx.",
    "pandas.",
    "numpy.",
    "sklearn.",
    "urllib.",
    "inspect.",
    "typing.",
    "seaborn.",
)
#: Libraries besides the standard library whose calls keep no state, unless their name starts with a setting verb.
KNOWN = effect_tables.IMPORTS_WITHOUT_EFFECT | effect_tables.word_set("""
    pydantic attr attrs click typer rich dateutil pytz tabulate numba jax flax optax torchvision torchaudio transformers
    lightning pytorch_lightning catboost shap gensim geopandas shapely folium altair bokeh sympy patsy pytest hypothesis
    simplejson orjson toml tomllib jsonschema jinja2 markdown openpyxl xlrd psutil imageio skimage einops more_itertools toolz
    dask ipywidgets pymc arviz prophet typing_extensions
""")
#: Calls of these libraries that do change their state, such as a client that becomes the default for all code.
STATEFUL_CALLS = effect_tables.word_set("dask.distributed.Client torch.distributed.init_process_group pymc.Model")


@functools.lru_cache(maxsize=4096)
def reach_of(name: str) -> int:
    """How far the call of a library's ``name`` reaches: 0, `UNPROVED` or `LIBRARY`."""
    if name in SETTING_CALLS:
        return LIBRARY
    if "()" in name and not known(name) or name == "atexit.register":
        return UNPROVED  # an unknown function's result may be shared; the exit hooks of a step run at its own end
    if name == "unittest.mock.patch":
        return 0  # it does nothing before its `with` statement
    owner, _, last = name.rpartition(".")
    if SETTING_VERB.match(last) and "seed" not in last and not name.startswith(COMPUTING):
        return LIBRARY
    if last in SETTING_METHODS or last.startswith("add_") and owner.rpartition(".")[2][:1].isupper():
        return LIBRARY
    is_module_member = owner.count(".") and not owner.rpartition(".")[2][:1].isupper()
    if last in COLLECTING and (is_module_member or "()" in owner) and not name.startswith(COMPUTING):
        return LIBRARY
    return 0 if known(name) and name not in STATEFUL_CALLS else UNPROVED


def known(name: str) -> bool:
    """Whether a dotted name belongs to a library whose calls keep no state, unless a table says otherwise."""
    first = name.partition(".")[0]
    return first in KNOWN or first in sys.stdlib_module_names


@functools.lru_cache(maxsize=4096)
def shares_result(name: str) -> bool:
    """Whether the function ``name`` returns an object that the library keeps, such as a logger."""
    last = name.rpartition(".")[2]
    if name.startswith("unittest.mock.patch"):
        return True  # a patcher
    if not known(name):
        return not last[:1].isupper()
    return bool(SHARED_RESULTS.match(last)) and not name.startswith(UNSHARED_RESULTS)


# -------------------------------------------------------------------- whose object is it, among libraries
def place_of(node: ast.expr, frame: Frame, depth: int = 0) -> str | None:
    """The library's name for an object that it keeps: ``json.dumps``, ``logging.getLogger().handlers``; else ``None``."""
    if type(node) is ast.Constant:
        return None
    if type(node) is ast.Name:
        if not frame.local(node.id):
            return frame.world.origin(node.id) or frame.world.places.get(node.id)
        sources = frame.function.sources.get(node.id, []) if frame.function is not None else []
        is_parameter = frame.function is not None and node.id in frame.function.params
        return place_of(sources[0], frame, depth + 1) if len(sources) == 1 and not is_parameter and depth < 8 else None
    if type(node) is ast.Attribute:
        owner = place_of(node.value, frame, depth)
        return owner and f"{owner}.{node.attr}"
    if type(node) is ast.Subscript:
        owner = place_of(node.value, frame, depth)
        return owner and f"{owner}.item"
    if type(node) is ast.Call:
        if type(node.func) is ast.Name and node.func.id in ("vars", "getattr") and node.args:
            return place_of(node.args[0], frame, depth)
        owner = place_of(node.func, frame, depth)
        return f"{owner}()" if owner is not None and shares_result(owner) else None
    return None


def call_reach(node: ast.Call, place: str | None, frame: Frame, effect: Effect) -> None:
    """Add to ``effect`` how far a call of the library's ``place`` reaches beyond the notebook's own objects."""
    function = node.func
    if isinstance(function, ast.Name) and not frame.local(function.id):
        world = frame.world
        if function.id in ("setattr", "delattr") and function.id not in world.kinds and node.args:
            owner = place_of(node.args[0], frame)
            name = node.args[1] if len(node.args) > 1 else None
            if owner is not None and isinstance(name, ast.Constant) and isinstance(name.value, str):
                owner = f"{owner}.{name.value}"
            if owner is not None:
                effect.add_reach(owner, LIBRARY)
            return
        if world.callables(function.id) or frame.origin(function.id) is None and world.kinds.get(function.id) != VALUE:
            return
    if place is not None:
        how = reach_of(place)
        if how:
            effect.add_reach(place, how)
    elif isinstance(function, ast.Attribute) and function.attr in SETTING_METHODS:
        effect.add_reach(f"logging.{function.attr}", LIBRARY)


def store_reach(target: ast.expr, frame: Frame, effect: Effect) -> None:
    """Add to ``effect`` that assigning to ``target`` changes an object that a library keeps."""
    if isinstance(target, (ast.Attribute, ast.Subscript)):
        place = place_of(target, frame)
        if place is not None:
            effect.add_reach(place, LIBRARY if known(place) or "()" not in place else UNPROVED)


def remaining_after_with(reach: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    """The changes of libraries that remain after a ``with`` statement, which undoes the settings of its context manager."""
    return before | {place: how for place, how in reach.items() if how < LIBRARY}
