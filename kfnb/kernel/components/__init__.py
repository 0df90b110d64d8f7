"""Runs the body of a component in the live kernel: conditions, loops, retries and timeouts."""
