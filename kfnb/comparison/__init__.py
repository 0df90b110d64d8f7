"""What differs between runs: parameters, metrics, states, durations, code, outputs, settings and environments."""
