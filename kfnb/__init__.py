"""kfnb: notebooks become pipelines."""

__version__ = "0.1.0"
