"""The writer: drains rings, merges by time, hands to sinks."""
