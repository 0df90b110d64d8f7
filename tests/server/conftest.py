"""A real Jupyter server for each test: the fixtures of pytest-jupyter, for this folder only."""

from pytest_jupyter.jupyter_server import *  # noqa: F403
