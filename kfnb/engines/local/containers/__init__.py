"""Runs the steps of a local run in containers, with podman or docker."""
