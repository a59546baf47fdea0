"""Tables: scores, differences, ablations, costs and training parameters."""
