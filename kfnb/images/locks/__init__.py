"""The lock of a pipeline: the files of all packages that its steps need, with their hashes. Begin with ``lock_model.py``."""
