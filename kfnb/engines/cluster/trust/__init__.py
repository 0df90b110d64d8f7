"""What a file beside a notebook asks for, and which files the user has trusted. Begin with ``requested_access.py``."""
