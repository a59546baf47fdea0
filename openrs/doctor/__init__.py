"""What this machine can run, what would mend it, and whether the installed packages fit the recipe."""
