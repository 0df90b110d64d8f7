"""Runs the cells of a step, and shows what they display."""
