"""The base image, for the tests of images."""

from tests.images.base_image import base_image, podman

__all__ = ["base_image", "podman"]
