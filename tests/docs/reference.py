"""The module that writes the reference pages: it lies with the pages, outside of any package."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


def _loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference_pages", ROOT / "docs" / "reference_pages.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules["reference_pages"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reference_pages = _loaded()
