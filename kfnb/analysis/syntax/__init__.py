"""Questions about syntax trees: scopes, names, and the names that a cell with a syntax error would bind."""
