"""``PYTHON kfnb/schedule_keeper/keeper_entry.py``: starts the keeper. It imports nothing from the current folder."""

from __future__ import annotations

import sys
from os.path import abspath, dirname

if __name__ == "__main__":
    folder = dirname(abspath(__file__))
    # for a kfnb that runs from its source; with this folder on the path, its files would be modules
    sys.path[:] = [p for p in sys.path if abspath(p) != folder] + [dirname(dirname(folder))]
    from kfnb.schedule_keeper.keeper_process import main

    main()
