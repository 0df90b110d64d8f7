"""Keeps the schedules of this machine: a process for each user starts their runs, and all places are asked in one way."""
