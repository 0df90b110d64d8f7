"""Which files code reads and writes, in Python, in magics and in shell commands. Begin with ``file_calls.py``."""
