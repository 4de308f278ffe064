"""The report of a result as one page of HTML."""
