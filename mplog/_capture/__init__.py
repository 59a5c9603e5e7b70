"""One log call becomes plain data: call site, clock, context, exception."""
