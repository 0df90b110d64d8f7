"""kfnb in a live kernel: its magics, and the values of runs that they load."""
