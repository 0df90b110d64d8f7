"""Layers of images: wheels become files, and files become reproducible archives."""
