"""Frames on their way from stack to stack: each branch of it, and the record of what happened."""
