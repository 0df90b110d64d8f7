"""The pipeline that all engines share: its model, and how it is built, checked, drawn and exported. Begin with ``model.py``."""
