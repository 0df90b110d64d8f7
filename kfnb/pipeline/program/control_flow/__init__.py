"""``if`` and ``for`` of a pipeline cell: branches, their conditions, and loops."""
