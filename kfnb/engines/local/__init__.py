"""The local engine, which runs pipelines on this machine."""

from kfnb.engines.local.local_engine import LocalEngine

__all__ = ["LocalEngine"]
