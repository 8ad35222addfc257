"""`serve`: a snapshot in a browser, for the one who started it."""
