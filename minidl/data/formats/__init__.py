"""How data sets come: a file for each format, which says how it is recognised and reads it."""
