"""IPython's shell and magics, as a step has them without IPython."""
