"""Ambient state that travels with the values: random generators, environment, options, loggers, modules."""
