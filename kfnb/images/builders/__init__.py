"""Builders make the images of a pipeline."""
