"""Whether this machine can build what mplog has in C."""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path

CAN_BUILD = shutil.which("cc") is not None and (Path(sysconfig.get_path("include")) / "Python.h").exists()
"""There is a compiler, and what it needs to know of Python. An editable install has built it then."""
