"""``PYTHON kfnb/engines/local/processes/run_process_entry.py``: starts the process of a run.

It imports nothing from the current folder. With ``-m``, Python would look there first for every module, and would run a
file such as ``selectors.py``.
"""

from __future__ import annotations

import sys


def _register_kfnb() -> None:
    """Make this kfnb importable, and no file of this folder a module."""
    from os.path import abspath, dirname, join

    folder = dirname(abspath(__file__))
    if sys.path and abspath(sys.path[0]) == folder:
        del sys.path[0]
    root = dirname(dirname(dirname(folder)))
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("kfnb", join(root, "__init__.py"), submodule_search_locations=[root])
    assert spec is not None and spec.loader is not None
    sys.modules["kfnb"] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules["kfnb"])


if __name__ == "__main__":
    _register_kfnb()
    from kfnb.engines.local.processes.run_process import main

    main()
