"""The version of kfnb. The build reads it here too."""

__version__ = "0.1.0"
