"""Checks before anything is sent: what a pipeline asks for and a cluster cannot do, and files that would be missing there."""
