"""One module a kind of entry."""
