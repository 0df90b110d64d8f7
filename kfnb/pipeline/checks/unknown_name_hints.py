"""Suggests what a user may have meant by a name that nothing defines."""

from __future__ import annotations

import builtins
import difflib
import re
import sys
from collections.abc import Iterable

from kfnb.notebook.parsed_notebook import Cell
from kfnb.pipeline.units.notebook_units import Unit
from kfnb.pipeline.units.sort_into_drafts import EXPRESSION

#: How the names that people give to libraries come about.
IMPORTS = {
    "np": "import numpy as np", "pd": "import pandas as pd", "plt": "import matplotlib.pyplot as plt", "sns": "import seaborn as sns",
    "mpl": "import matplotlib as mpl", "tf": "import tensorflow as tf", "torch": "import torch", "nn": "from torch import nn",
    "F": "import torch.nn.functional as F", "nx": "import networkx as nx", "sp": "import scipy as sp", "sm": "import statsmodels.api as sm",
    "smf": "import statsmodels.formula.api as smf", "stats": "from scipy import stats", "px": "import plotly.express as px",
    "go": "import plotly.graph_objects as go", "pl": "import polars as pl", "xr": "import xarray as xr", "da": "import dask.array as da",
    "dd": "import dask.dataframe as dd", "jnp": "import jax.numpy as jnp", "jax": "import jax", "keras": "import keras",
    "sklearn": "import sklearn", "scipy": "import scipy", "numpy": "import numpy", "pandas": "import pandas", "cv2": "import cv2",
    "requests": "import requests", "tqdm": "from tqdm.auto import tqdm", "Path": "from pathlib import Path", "dt": "import datetime as dt",
    "timedelta": "from datetime import timedelta", "defaultdict": "from collections import defaultdict", "Counter": "from collections import Counter",
    "namedtuple": "from collections import namedtuple", "partial": "from functools import partial", "dataclass": "from dataclasses import dataclass",
    "joblib": "import joblib", "yaml": "import yaml", "Image": "from PIL import Image", "sympy": "import sympy", "xgb": "import xgboost as xgb",
    "lgb": "import lightgbm as lgb", "alt": "import altair as alt", "gpd": "import geopandas as gpd", "display": "from IPython.display import display",
    "train_test_split": "from sklearn.model_selection import train_test_split", "sleep": "from time import sleep",
    "deepcopy": "from copy import deepcopy", "List": "from typing import List", "Dict": "from typing import Dict",
    "Optional": "from typing import Optional", "Any": "from typing import Any", "Union": "from typing import Union",
    "Callable": "from collections.abc import Callable",
}  # fmt: skip
NUMPY = frozenset(
    "array arange linspace logspace zeros ones eye empty full sqrt exp log sin cos tan pi meshgrid concatenate vstack hstack "
    "reshape where mean std var dot rand randn randint cumsum argmax argmin argsort unique float64 int64 nan inf isnan".split()
)
PYPLOT = frozenset(
    "plot figure subplot subplots show xlabel ylabel title legend scatter hist imshow savefig xlim ylim axis".split()
)
BRINGING = re.compile(r"^\s*%(run|pylab|load|load_ext|store|reload_ext)\b[^\n]*", re.MULTILINE)


def hint_for(name: str, index: int, units: tuple[Unit, ...], cells: Iterable[Cell]) -> str:
    """The hint for unit ``index``, which reads a name that nothing before it defines."""
    later = next((u for u in units[index + 1 :] if name in u.facts.may_define and u.kind != EXPRESSION), None)
    if later is not None:
        return f"it is defined only later, in {later.facts.may_define[name]}: move that cell before this one"
    near = nearest(name, {n for u in units for n in u.facts.may_define if n and not n.startswith("@")})
    if near is not None:
        return f"did you mean `{near}`?"
    missing = _import_of(name)
    brought = _bringing(cells, units[index].cells[0].number)
    if missing is not None:
        return f"`{missing}` is missing" + (f", or it comes from {brought}" if brought else "")
    if brought is not None:
        return f"it may come from {brought}, which kfnb does not follow: import or define it in plain Python"
    return "define it in a cell before this one"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """A name so similar that a typing error explains it: first among the notebook's names, then among Python's."""
    found = _close(name, known, 0.75 if len(name) > 6 else 0.8)
    return found or _close(name, (b for b in dir(builtins) if not b.startswith("_")), 0.87)


def _close(name: str, known: Iterable[str], least: float) -> str | None:
    names = {n for n in known if n != name and abs(len(n) - len(name)) <= max(1, len(name) // 4)}
    same = next((n for n in sorted(names) if n.lower() == name.lower()), None)
    if same is not None or len(name) < 4:
        return same
    near = difflib.get_close_matches(name, sorted(names), 1, least)
    return near[0] if near else None


def _import_of(name: str) -> str | None:
    if name in IMPORTS:
        return IMPORTS[name]
    if name in sys.stdlib_module_names and not name.startswith("_"):
        return f"import {name}"
    if name in NUMPY:
        return f"from numpy import {name}"
    return f"from matplotlib.pyplot import {name}" if name in PYPLOT else None


def _bringing(cells: Iterable[Cell], until: int) -> str | None:
    """An earlier magic that defines names, such as ``%run``, ``%pylab`` and ``%load``."""
    found = None
    for cell in cells:
        match = BRINGING.search(cell.source) if cell.number <= until else None
        if match:
            found = f"`{match.group(0).strip()}` in cell {cell.number}"
    return found
