"""``python -m stress``."""

import sys

from stress.lacks import HOW_TO_GET_ALL, lacking

if __name__ == "__main__":
    if lacking(["rich"]):
        print(f"python -m stress prints with rich, which is not here: {HOW_TO_GET_ALL}", file=sys.stderr)
        sys.exit(2)
    from stress.cli import main  # Only now: it imports rich.

    sys.exit(main())
