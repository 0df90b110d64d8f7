"""What a cluster says about a pod, in the user's words: what it waits for (``waiting_words.py``), and why it ended (``ending_words.py``)."""
