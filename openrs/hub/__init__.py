"""Checkpoints pushed to the Hugging Face Hub."""
