"""Records: how a run is named, what it left on disk, and how both are read and written."""
