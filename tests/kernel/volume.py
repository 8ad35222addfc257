"""How much the seeded tests compare with the kernel."""

import os

VOLUME = int(os.environ.get("SKOOP_VOLUME", "1"))
"""Times the packets and lookups of a usual run; the same seed begins with the same ones at any volume."""
