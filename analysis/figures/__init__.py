"""Figures for print, as SVG and PNG. matplotlib is imported only here."""
