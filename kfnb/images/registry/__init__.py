"""Where images are kept: registries, folders of the OCI image layout, and archives, behind one interface."""
