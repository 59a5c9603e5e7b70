"""``python -m mplog``."""

import sys

from mplog.cli import main

if __name__ == "__main__":
    sys.exit(main())
