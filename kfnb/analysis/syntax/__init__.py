"""Syntax trees: their scopes, their code blocks, and the names that a cell with a syntax error would bind."""
