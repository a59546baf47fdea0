"""Records -> statistics and tables; the published numbers with their sources."""
