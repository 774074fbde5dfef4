"""Optional dependencies: one file each, imported on use, with a hint how to install it."""
