"""The numbers by which kernels know activations, losses and rules. A new one is a row here and a branch in its file."""

IDENTITY, SIGMOID, SOFTMAX, TANH = range(4)

ACTIVATIONS = {"identity": IDENTITY, "sigmoid": SIGMOID, "softmax": SOFTMAX, "tanh": TANH}

MSE, BINARY_CROSS_ENTROPY, CROSS_ENTROPY = range(3)

LOSSES = {"mse": MSE, "binary_cross_entropy": BINARY_CROSS_ENTROPY, "cross_entropy": CROSS_ENTROPY}

SGD, MOMENTUM, NESTEROV, ADAM = range(4)

RULES = {"sgd": SGD, "momentum": MOMENTUM, "nesterov": NESTEROV, "adam": ADAM}
