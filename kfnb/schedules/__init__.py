"""Schedules: their times, their rules for what was missed and for what still runs, and the record of those that this machine keeps."""
