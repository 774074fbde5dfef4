"""The compiled floor: kernels know arrays and numbers, nothing of options, networks or users."""
