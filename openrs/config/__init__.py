"""Configs: the typed schema, the checks between fields, and composition from conf/ and the command line."""
