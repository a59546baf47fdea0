"""Sources and benchmarks become rows, rows become a mix, and a mix the order of training prompts."""
