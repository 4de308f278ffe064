"""Where labels come from: folder names, tables, IDEAS populations, stains and hands."""
