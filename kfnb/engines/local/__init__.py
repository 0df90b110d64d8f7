"""The local engine: runs on this machine."""

from kfnb.engines.local.engine import LocalEngine

__all__ = ["LocalEngine"]
