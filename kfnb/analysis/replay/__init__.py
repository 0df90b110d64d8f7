"""Statements that later steps run again: imports, settings, and what changed a library."""
