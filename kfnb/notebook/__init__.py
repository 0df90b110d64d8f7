"""Reading notebooks: .ipynb files, marks, Kale's and papermill's conventions, headings."""

from kfnb.notebook.parse import notebook_from_json, parse_notebook, read_notebook

__all__ = ["notebook_from_json", "parse_notebook", "read_notebook"]
