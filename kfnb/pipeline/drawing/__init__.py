"""Shows a pipeline to people: its graph as a picture, and its explanation as text."""
