"""The plot of a sweep, and its page."""
