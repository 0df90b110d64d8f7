"""Component calls of a pipeline cell, and the steps that they become."""
