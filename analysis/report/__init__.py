"""The report: records are collected into plain data, and put into one page that needs no network."""
