"""The file formats of notebooks: JSON, and the texts with cells. Begin with ``notebook_file.py``."""
