"""Values as they travel between steps: pickling, storing, previewing. Begin with ``value_store.py``."""
