"""Runs from Python: begin one, follow it, take its values. What ``kfnb.run`` and ``kfnb.runs`` give."""
