"""The documents of an image: its config, its manifest, an index for several platforms, and a list of what is inside."""
