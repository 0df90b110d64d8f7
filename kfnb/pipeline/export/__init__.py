"""A pipeline as plain Python: functions, and a package for those who leave the notebook behind."""
