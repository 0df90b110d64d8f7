"""The magics of kfnb."""
