"""`connectivity` and `policies`, in each of their formats."""
