"""The Python interface to runs: start one, follow it, read its values. ``kfnb.run`` and ``kfnb.runs`` come from here."""
