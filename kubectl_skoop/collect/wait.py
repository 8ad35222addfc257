"""`python3 -m kubectl_skoop.collect.wait SECONDS`: a collector pod, until it is told what to read."""

import signal
import sys
import time


def main() -> int:
    """Ends after so many seconds, or at SIGTERM, which the first process of a container would not hear."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    time.sleep(float(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
