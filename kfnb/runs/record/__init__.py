"""The record of runs on disk: its database, its files and its locks."""
