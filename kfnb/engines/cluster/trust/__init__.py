"""The access that a file beside a notebook requests, and the files that the user has trusted. Begin with ``requested_access.py``."""
