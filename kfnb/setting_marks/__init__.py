"""The marks that set something of a step, for tags, options, metadata and the defaults of targets alike."""
