"""From what a cluster says about a run to the record of runs."""
