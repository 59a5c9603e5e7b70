"""The face: the logger, its configuration, here and in workers, and the way of one call. Records are written below."""
