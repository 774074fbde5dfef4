"""Vectors: a Numba type for one vector register, and its operators.

``+ - * / -x`` of vectors of floating-point numbers and ``+ - * -x ^ >>`` of words work lane by lane. A number beside a
vector stands for a vector full of it. What a lane holds never depends on how many lanes there are: nothing is ever
summed across lanes.
"""

import operator

from llvmlite import ir
from numba import types
from numba.core.imputils import lower_builtin, lower_cast
from numba.core.typeconv import Conversion
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import models, register_model

from fastprop.kernels import compiler
from fastprop.kernels.llvm import INT32, INT64, emit_splat

_ELEMENTS = {types.float32: ir.FloatType(), types.float64: ir.DoubleType(), types.uint32: INT32, types.uint64: INT64}


class Vector(types.Type):
    """One vector register of numbers of `dtype`: as many lanes as the machine has for it, or `lanes`."""

    def __init__(self, dtype, lanes=None):
        self.dtype = dtype
        self.lanes = lanes or compiler.lanes(str(dtype))
        super().__init__(f"Vector({dtype}, {self.lanes})")

    def can_convert_from(self, typing_context, other):
        """Let a number stand where a vector is expected."""
        return Conversion.safe if isinstance(other, types.Number) else None


def words_of(dtype):
    """Return the type of a vector of as many uint32 as a vector of `dtype` has lanes: words for hashes, which wrap."""
    return Vector(types.uint32, Vector(dtype).lanes)


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, vector):
        super().__init__(manager, vector, ir.VectorType(_ELEMENTS[vector.dtype], vector.lanes))


def _define_operator(function, arity, for_numbers, for_words):
    """Define a Python operator on vectors by LLVM's instructions for floating-point numbers and for words."""

    @infer_global(function)
    class Operator(AbstractTemplate):
        def generic(self, args, keywords):
            for vector in args:
                if isinstance(vector, Vector):
                    return signature(vector, *[vector] * len(args))

    @lower_builtin(function, *[Vector] * arity)
    def emit(context, builder, sig, args):
        of_words = isinstance(sig.return_type.dtype, types.Integer)
        return getattr(builder, for_words if of_words else for_numbers)(*args)


_define_operator(operator.add, 2, "fadd", "add")
_define_operator(operator.sub, 2, "fsub", "sub")
_define_operator(operator.mul, 2, "fmul", "mul")
_define_operator(operator.truediv, 2, "fdiv", None)
_define_operator(operator.neg, 1, "fneg", "neg")
_define_operator(operator.xor, 2, None, "xor")
_define_operator(operator.rshift, 2, None, "lshr")


@lower_cast(types.Number, Vector)
def _number_to_vector(context, builder, from_type, to_type, number):
    element = context.cast(builder, number, from_type, to_type.dtype)
    return emit_splat(builder, element, context.get_value_type(to_type))
