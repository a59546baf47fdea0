"""Sequential evaluation: a comparison is looked at several times, and ends where it is decided."""
