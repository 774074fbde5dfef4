"""The numbers by which kernels know activations, losses, rules and schedules.

A new one is a row here and a branch in its file.
"""

IDENTITY, SIGMOID, SOFTMAX, TANH, RELU, LEAKY_RELU, ELU, SOFTPLUS, SILU, GELU, EXP = range(11)

ACTIVATIONS = {
    "identity": IDENTITY,
    "sigmoid": SIGMOID,
    "softmax": SOFTMAX,
    "tanh": TANH,
    "relu": RELU,
    "leaky_relu": LEAKY_RELU,
    "elu": ELU,
    "softplus": SOFTPLUS,
    "silu": SILU,
    "gelu": GELU,
    "exp": EXP,
}

STORING = SILU, GELU
"""Activations whose slope cannot be had from their output: it is stored besides."""

MSE, BINARY_CROSS_ENTROPY, CROSS_ENTROPY, MAE, HUBER, POISSON = range(6)

LOSSES = {
    "mse": MSE,
    "binary_cross_entropy": BINARY_CROSS_ENTROPY,
    "cross_entropy": CROSS_ENTROPY,
    "mae": MAE,
    "huber": HUBER,
    "poisson": POISSON,
}

SGD, MOMENTUM, NESTEROV, ADAM, ADAMW, RMSPROP, RMSPROP_MOMENTUM, ADAGRAD, LION = range(9)

RULES = {
    "sgd": SGD,
    "momentum": MOMENTUM,
    "nesterov": NESTEROV,
    "adam": ADAM,
    "adamw": ADAMW,
    "rmsprop": RMSPROP,
    "rmsprop_momentum": RMSPROP_MOMENTUM,
    "adagrad": ADAGRAD,
    "lion": LION,
}

CONSTANT, STEPS, EXPONENTIAL, COSINE, ONE_CYCLE, INVERSE_SCALING, PLATEAU = range(7)

SCHEDULES = {
    "StepDecay": STEPS,
    "ExponentialDecay": EXPONENTIAL,
    "CosineDecay": COSINE,
    "OneCycle": ONE_CYCLE,
    "InverseScaling": INVERSE_SCALING,
    "ReduceOnPlateau": PLATEAU,
}

UNLIMITED, BY_VALUE, BY_NORM = range(3)

CLIPS = {"ClipValue": BY_VALUE, "ClipNorm": BY_NORM}
