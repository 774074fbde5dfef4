"""C: networks as headers that need nothing but ``math.h``."""

import hashlib
import os
import re
import string
from string import Template

import numpy as np

from fastprop import files
from fastprop.reference.activations import CUBIC, NEGATIVE_SLOPE, SELU_LIMIT, SELU_SCALE
from fastprop.version import __version__

C_TYPES = {"float32": "float", "float64": "double"}
"""By dtype, its type in C."""

DIGITS = {"float32": 9, "float64": 17}
"""By dtype, how many decimal digits tell all its numbers apart."""

NUMBERS_A_LINE = 8
"""Numbers in a line of an array."""

ACTIVATIONS = {
    "sigmoid": "z < 0 ? exp${s}(z) / (1 + exp${s}(z)) : 1 / (1 + exp${s}(-z))",
    "tanh": "tanh${s}(z)",
    "relu": "z < 0 ? 0 : z",
    "leaky_relu": f"z < 0 ? {NEGATIVE_SLOPE}${{s}} * z : z",
    "elu": "z < 0 ? expm1${s}(z) : z",
    "softplus": "(z < 0 ? 0 : z) + log1p${s}(exp${s}(-fabs${s}(z)))",
    "silu": "z / (1 + exp${s}(-z))",
    "gelu": f"z / (1 + exp${{s}}(-{np.sqrt(8 / np.pi):.17g}${{s}} * (z + {CUBIC}${{s}} * z * z * z)))",
    "selu": f"z > 0 ? {SELU_SCALE}${{s}} * z : {SELU_LIMIT}${{s}} * expm1${{s}}(z)",
    "mish": "z * tanh${s}((z < 0 ? 0 : z) + log1p${s}(exp${s}(-fabs${s}(z))))",
    "identity": None,
    "exp": "exp${s}(z)",
    "softmax": None,
}
"""By name of an activation, its expression of z; `s` is the suffix of the type. None needs no expression."""

HEAD = """\
/* A multilayer perceptron ${sizes} of ${real}, written by fastprop ${version}.
 *
 *     ${real} outputs[${name}_outputs];
 *     ${name}_predict(inputs, outputs);
 *
 * reads ${name}_inputs numbers of type ${given} and writes ${name}_outputs numbers of type ${real}.
 * It takes C99 or C++11 and the library of math.h (-lm), and allocates no memory.
 */
#ifndef FASTPROP_${digest}
#define FASTPROP_${digest}

#include <math.h>

enum { ${name}_inputs = ${n_in}, ${name}_outputs = ${n_out} };

"""

LAYER = """\
/* z = W x + b, with W (outputs, inputs) row by row */
static inline void ${name}_layer(
    const ${real} *x, int inputs, const ${real} *W, const ${real} *b, int outputs, ${real} *z)
{
    for (int i = 0; i < outputs; i++) {
        const ${real} *row = W + (long)i * inputs;
        ${real} sum = b[i];
        for (int j = 0; j < inputs; j++)
            sum += x[j] * row[j];
        z[i] = sum;
    }
}

"""

ACTIVATION = """\
static inline ${real} ${name}_${activation}(${real} z)
{
    return ${expression};
}

"""

SOFTMAX = """\
static inline void ${name}_softmax(${real} *z, int size)
{
    ${real} largest = z[0], sum = 0;
    for (int i = 1; i < size; i++)
        largest = z[i] > largest ? z[i] : largest;
    for (int i = 0; i < size; i++)
        sum += z[i] = exp${s}(z[i] - largest);
    for (int i = 0; i < size; i++)
        z[i] /= sum;
}

"""

NAMES = """\
/* The name of each ${what} by its index, from 0 to ${last}, in UTF-8. */
static inline const char *${name}_${function}(int index)
{
    static const char *const names[] = {${names}};
    return names[index];
}

"""


def write(path, name, about, layers, standardization, input_dtype):
    """Write a network as a C header, which it replaces as a whole.

    Parameters
    ----------
    path : str or Path
    name : str or None
        What all names in the header begin with; by default it is made of the name of the file.
    about : dict
        The sizes, the dtype and the names of a network.
    layers : list of tuple
        For each layer its weights (n_in, n_out), biases (n_out,) and the name of its activation.
    standardization : pair of ndarray or None
        Mean and scale of the inputs, (n_in,) float64 each.
    input_dtype : str
        The dtype of the inputs.

    Raises
    ------
    ValueError
        If the name is none in C, or a parameter is not finite.
    OSError
        If the file cannot be written.
    """
    for index, (weights, biases, _) in enumerate(layers):
        if not (np.isfinite(weights).all() and np.isfinite(biases).all()):
            raise ValueError(
                f"layer {index} has parameters that are not finite: export a network that did not diverge."
            )
    words = {
        "name": _name_of(path) if name is None else _checked(name),
        "real": C_TYPES[about["dtype"]],
        "given": C_TYPES[input_dtype],
        "s": "f" if about["dtype"] == "float32" else "",
        "sizes": "-".join(map(str, about["layer_sizes"])),
        "n_in": about["layer_sizes"][0],
        "n_out": about["layer_sizes"][-1],
        "version": __version__,
    }
    parts = [
        *_arrays(layers, standardization),
        *_functions(layers),
        *_all_names(about),
        *_predict(layers, standardization),
    ]
    body = "".join(Template(part).substitute(words) for part in parts)
    words["digest"] = hashlib.sha256(body.encode()).hexdigest()[:16].upper()  # so that another network is no repetition
    content = Template(HEAD).substitute(words) + body + "#endif\n"
    with files.replacing(path, "C header") as file:
        file.write(content.encode("ascii"))


def _checked(name):
    if not isinstance(name, str) or not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name):
        raise ValueError(
            f"name must be a name in C, not {name!r}: take letters of English, digits and underscores, a letter first."
        )
    return name


def _name_of(path):
    """Return a name in C that is made of the name of a file.

    Examples
    --------
    >>> _name_of("models/2nd model-é.h"), _name_of("iris.h"), _name_of("模型.h")
    ('network_2nd_model', 'iris', 'network')
    """
    stem = os.path.splitext(os.path.basename(os.fspath(path)))[0]
    name = re.sub("[^A-Za-z0-9]+", "_", stem).strip("_")
    return name if name[:1].isalpha() else f"network_{name}".strip("_")


def _arrays(layers, standardization):
    """Yield the definitions of all arrays."""
    for name, array in zip(("mean", "scale"), standardization):
        if array is not None:
            yield _array(f"input_{name}", array)
    for index, (weights, biases, _) in enumerate(layers):
        yield _array(f"weights_{index}", weights.T)
        yield _array(f"biases_{index}", biases)


def _array(name, array):
    dtype = array.dtype.name
    suffix = "f" if dtype == "float32" else ""
    numbers = [f"{value:.{DIGITS[dtype]}g}" for value in array.ravel().tolist()]
    numbers = [(each if set(each) & set(".e") else f"{each}.0") + suffix for each in numbers]
    lines = [", ".join(numbers[i : i + NUMBERS_A_LINE]) for i in range(0, len(numbers), NUMBERS_A_LINE)]
    rows = ",\n    ".join(lines)
    return f"static const {C_TYPES[dtype]} ${{name}}_{name}[{len(numbers)}] = {{\n    {rows}\n}};\n\n"


def _functions(layers):
    """Yield the function of a layer, and those of the activations that the network has."""
    yield LAYER
    used = {activation for _, _, activation in layers}
    for activation, expression in ACTIVATIONS.items():
        if activation in used and expression is not None:
            yield ACTIVATION.replace("${activation}", activation).replace("${expression}", expression)
    if "softmax" in used:
        yield SOFTMAX


def _all_names(about):
    """Yield a function for the names of inputs, and one for those of classes, if there are any."""
    for key, function, what in (("feature_names", "input_name", "input"), ("class_names", "class_name", "class")):
        if about[key] is not None:
            names = ", ".join(map(_text, about[key]))
            words = {"function": function, "what": what, "last": len(about[key]) - 1, "names": names.replace("$", "$$")}
            yield Template(NAMES).safe_substitute(words)


def _text(name):
    """Return a name as a string literal of ASCII: all but letters, digits and harmless signs in octal."""
    safe = (string.ascii_letters + string.digits + " _-.,:;=+()[]<>$%/").encode()
    content = name.encode("utf-8", "surrogatepass")
    return '"' + "".join(chr(byte) if byte in safe else f"\\{byte:03o}" for byte in content) + '"'


def _predict(layers, standardization):
    """Yield the function that predicts, line by line."""
    yield "static inline void ${name}_predict(const ${given} *inputs, ${real} *outputs)\n{\n"
    width = max(len(weights) for weights, _, _ in layers)
    yield f"    ${{real}} a[{width}]" + (f", b[{width}];\n" if len(layers) > 1 else ";\n")
    yield "    for (int i = 0; i < ${name}_inputs; i++)\n"
    if standardization[0] is None:
        yield "        a[i] = (${real})inputs[i];\n"
    else:
        yield "        a[i] = (${real})(((double)inputs[i] - ${name}_input_mean[i]) / ${name}_input_scale[i]);\n"
    x, z = "a", "b"
    for index, (weights, _, activation) in enumerate(layers):
        n_in, n_out = weights.shape
        z = "outputs" if index == len(layers) - 1 else z
        yield f"    ${{name}}_layer({x}, {n_in}, ${{name}}_weights_{index}, ${{name}}_biases_{index}, {n_out}, {z});\n"
        if activation == "softmax":
            yield f"    ${{name}}_softmax({z}, {n_out});\n"
        elif ACTIVATIONS[activation] is not None:
            yield f"    for (int i = 0; i < {n_out}; i++)\n        {z}[i] = ${{name}}_{activation}({z}[i]);\n"
        x, z = z, x
    yield "}\n\n"
