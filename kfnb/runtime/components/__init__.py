"""Component decorators, and steps that run a shell script or a container command."""
