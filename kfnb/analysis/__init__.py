"""What cells read, write, change in place, import and define."""
