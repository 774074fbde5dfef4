"""The compiled layer: kernels know arrays and numbers, nothing of options, networks or users.

A comment in front of a compiled function gives the shapes of its matrices, in these letters:

======  ==========================================================================
letter  means
======  ==========================================================================
B       rows of a minibatch, or of the part of it that is in work
I       inputs of a layer; ``1 + I`` where the constant input 1 of the bias counts
O       outputs of a layer
L       layers with parameters
P       parameters of a network, the padding of rows included
K       configurations of a sweep
V       vectors, each one register wide
M       rows of a tile
======  ==========================================================================
"""
