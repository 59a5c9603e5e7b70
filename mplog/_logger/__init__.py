"""The face: the logger, its registry and the way of one call. No I/O here."""
