"""Runs inside the guest: the random sets of test_ipset, of all types: the kernel of CI lacks some."""

import subprocess
import sys
from pathlib import Path

import pytest

from kubectl_skoop.netstack.ipset.types import TYPES

SETS = Path(__file__).parents[1] / "test_ipset.py"
_RANGES = {
    "bitmap:ip": ("range", "10.77.1.0/24"),
    "bitmap:ip,mac": ("range", "10.77.1.0/24"),
    "bitmap:port": ("range", "0-65535"),
}


def main() -> int:
    for kind in TYPES:
        subprocess.run(("ipset", "create", "probe", kind, *_RANGES.get(kind, ())), check=True)
        subprocess.run(("ipset", "destroy", "probe"), check=True)
    return pytest.main([str(SETS), "-k", "legacy", "-m", "kernel", "-p", "no:cacheprovider", "-x", "-q"])


if __name__ == "__main__":
    sys.exit(main())
