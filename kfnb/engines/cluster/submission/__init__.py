"""The settings of a run on a cluster, and what a retried run need not run again."""
