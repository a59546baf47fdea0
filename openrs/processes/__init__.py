"""Processes that openrs starts and watches: training, the vLLM server, and how they end."""
