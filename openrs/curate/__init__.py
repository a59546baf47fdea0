"""`openrs curate`: raw problems go through filters, and what is left is a source that any mix takes."""
