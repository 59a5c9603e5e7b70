"""What can happen to a program's processes while they log: one scenario a file, each playing one round."""
