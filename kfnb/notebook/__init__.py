"""Parsing of notebooks: files, marks, the conventions of Kale and papermill, and headings."""

from kfnb.notebook.parse import notebook_from_json, parse_notebook, read_notebook

__all__ = ["notebook_from_json", "parse_notebook", "read_notebook"]
