"""The numbers by which kernels know activations and losses. A new one is a row here and a branch in its own file."""

IDENTITY, SIGMOID, SOFTMAX = range(3)

ACTIVATIONS = {"identity": IDENTITY, "sigmoid": SIGMOID, "softmax": SOFTMAX}

MSE, BINARY_CROSS_ENTROPY, CROSS_ENTROPY = range(3)

LOSSES = {"mse": MSE, "binary_cross_entropy": BINARY_CROSS_ENTROPY, "cross_entropy": CROSS_ENTROPY}
