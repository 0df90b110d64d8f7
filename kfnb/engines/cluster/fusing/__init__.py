"""Fusing: steps that run one after the other in one pod, each with a process, a state, a log and retries of its own."""
