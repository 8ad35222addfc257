"""Kinds of network devices: what each does with a frame, one module a kind."""
