"""Problems that can be known before a run. Begin with ``check_pipeline.py``."""
