"""The commands of ``kfnb``, one module for each group of related commands."""
