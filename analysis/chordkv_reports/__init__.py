"""Reads the reports of chordkv (JSON Lines), checks them, and turns them into tables, figures and pages.

From the bottom up: schema (is one record what it claims to be), load (files to runs), tidy (runs to one table),
statistics, series (which records measure the same), published and shapes (what the literature says, and whether it
holds here), canvas and figures (SVG), page, html and markdown (the report). A module imports only those before it.
"""
