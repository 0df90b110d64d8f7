"""What the cluster engines share: jobs and blocks, the code that travels, names, packages, following a run."""
