"""Projects on the page: which one is open, its runs, and forms that are filled in from it."""
