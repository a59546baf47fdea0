"""The command `openrs`: its verbs, its help, and the session of one that trains and evaluates."""
