"""A client of registries, after the OCI distribution specification 1.1, over `requests`.

The package `oras` speaks this protocol too. It has no mounts, no referrers, no resumed uploads and no credential helpers, so that what would
be left of it is the exchange of tokens.
"""
