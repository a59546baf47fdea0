"""A model of the catalog: its files and sizes, its chat template, its adapters."""
