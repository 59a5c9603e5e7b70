"""The file sink: one log file shared by any number of processes."""
