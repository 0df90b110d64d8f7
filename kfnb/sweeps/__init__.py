"""Sweeps: one pipeline over a grid of parameters, its runs side by side in one experiment."""
