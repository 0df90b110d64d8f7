"""Sweeps: one pipeline is run over a grid of parameters, and its runs are one experiment."""
