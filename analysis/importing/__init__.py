"""Results that others measured, read into score records that say where they came from."""
