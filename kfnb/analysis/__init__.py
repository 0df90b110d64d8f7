"""Data-flow analysis: which names cells read and define, which objects they change, and which files they use."""
