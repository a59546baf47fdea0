"""This machine: its facts, devices, processes and services, and its cache of the Hub."""
