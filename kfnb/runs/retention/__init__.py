"""Which runs the record keeps, and how others are removed with their values."""
