"""What every room may use: errors, progress, safe files, names, options and the list of steps."""
