"""SHA-256 as the interpreter brings it along: `hashlib` has the same one, and loads OpenSSL first, for milliseconds."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import sha256 as sha256
else:
    try:
        if sys.version_info >= (3, 12):
            from _sha2 import sha256
        else:
            from _sha256 import sha256
    except ImportError:  # built without it: OpenSSL alone
        from hashlib import sha256

__all__ = ["sha256"]
