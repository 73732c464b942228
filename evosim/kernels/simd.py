"""SIMD vectors: each holds the same number of many genomes, so that one instruction serves all.

LLVM does not vectorise these loops by itself, because it cannot prove that arrays do not overlap.
So vectors are spelled out. `WIDTH` lanes make a vector of an array's element type; LLVM splits it
into what the processor has. Lanes never mix: the result of a lane depends on that lane alone, bit
by bit. `fma` rounds once on every processor (where there is no such instruction it is slow, and
still the same).

A *mask* is an unsigned integer with one bit per lane.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

from evosim.kernels.compilation import inlined

SINGLE, DOUBLE, SETS = 32, 16, 64
_WIDTH = {types.float32: SINGLE, types.float64: DOUBLE, types.uint8: SETS}
ALIGNMENT = 64


class LanesType(types.Type):  # type: ignore[misc]
    """Compile-time type of a vector: element type and number of lanes."""

    def __init__(self, dtype: Any, width: int) -> None:
        self.dtype, self.width = dtype, width
        super().__init__(name=f"Lanes({dtype}, {width})")


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, dmm: Any, fe_type: LanesType) -> None:
        element = dmm.lookup(fe_type.dtype).get_data_type()
        super().__init__(dmm, fe_type, ir.VectorType(element, fe_type.width))


def _pointer(
    context: Any, builder: Any, array_type: Any, array: Any, index: Any, vector: Any
) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(cgutils.gep_inbounds(builder, data, index), vector.as_pointer())


def _aligned(array_type: Any) -> int:
    # Elements' own alignment only: scratch is aligned to cache lines, but a caller's rows need not
    # be.
    return int(array_type.dtype.bitwidth // 8)


@intrinsic
def load(typing: Any, array: Any, index: Any) -> Any:
    """The lanes at `array[index : index + width]` of a flat contiguous array."""
    lanes = LanesType(array.dtype, _WIDTH[array.dtype])

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = context.get_value_type(lanes)
        at = context.cast(builder, args[1], signature.args[1], types.intp)
        return builder.load(
            _pointer(context, builder, array, args[0], at, vector), align=_aligned(array)
        )

    return lanes(array, index), code


@intrinsic
def store(typing: Any, array: Any, index: Any, lanes: Any) -> Any:
    """Write lanes to `array[index : index + width]`."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        at = context.cast(builder, args[1], signature.args[1], types.intp)
        pointer = _pointer(context, builder, array, args[0], at, args[2].type)
        builder.store(args[2], pointer, align=_aligned(array))
        return context.get_dummy_value()

    return types.void(array, index, lanes), code


@intrinsic
def item(typing: Any, array: Any, index: Any) -> Any:
    """`array[index]` of a flat array, where the index is known to lie inside: spares the test for
    negative ones.
    """

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(array)(context, builder, args[0]).data
        at = context.cast(builder, args[1], index, types.intp)
        return builder.load(cgutils.gep_inbounds(builder, data, at))

    return array.dtype(array, index), code


@intrinsic
def splat(typing: Any, scalar: Any) -> Any:
    """The same number in every lane."""
    lanes = LanesType(scalar, _WIDTH[scalar])

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _splat(builder, args[0], context.get_value_type(lanes))

    return lanes(scalar), code


def _splat(builder: Any, scalar: Any, vector: Any) -> Any:
    one = builder.insert_element(
        ir.Constant(vector, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0)
    )
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)


@intrinsic
def fma(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """`a * b + c`, rounded once."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = args[0].type
        element = {"float": "f32", "double": "f64"}[str(vector.element)]
        kind = ir.FunctionType(vector, [vector] * 3)
        function = cgutils.get_or_insert_function(
            builder.module, kind, f"llvm.fma.v{vector.count}{element}"
        )
        return builder.call(function, args)

    return a(a, b, c), code


@intrinsic
def add(typing: Any, a: Any, b: Any) -> Any:
    """`a + b`."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fadd(*args)

    return a(a, b), code


@intrinsic
def subtract(typing: Any, a: Any, b: Any) -> Any:
    """`a - b`."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fsub(*args)

    return a(a, b), code


@intrinsic
def times(typing: Any, a: Any, b: Any) -> Any:
    """`a * b`."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fmul(*args)

    return a(a, b), code


@intrinsic
def larger(typing: Any, a: Any, b: Any) -> Any:
    """The larger of two, lane by lane; `b` where they are equal."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", *args), *args)

    return a(a, b), code


@intrinsic
def at_least(typing: Any, a: Any, b: Any) -> Any:
    """Mask of the lanes where `a >= b`."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes = builder.fcmp_ordered(">=", *args)
        return builder.zext(builder.bitcast(lanes, ir.IntType(a.width)), ir.IntType(64))

    return types.uint64(a, b), code


@intrinsic
def unlike(typing: Any, a: Any, b: Any) -> Any:
    """Mask of the lanes where `a` and `b` differ."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes = builder.fcmp_unordered("!=", *args)
        return builder.zext(builder.bitcast(lanes, ir.IntType(a.width)), ir.IntType(64))

    return types.uint64(a, b), code


@intrinsic
def select(typing: Any, mask: Any, a: Any, b: Any) -> Any:
    """`a` in the lanes of the mask, `b` in the others."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bits = builder.trunc(args[0], ir.IntType(a.width))
        chosen = builder.bitcast(bits, ir.VectorType(ir.IntType(1), a.width))
        return builder.select(chosen, args[1], args[2])

    return a(types.uint64, a, b), code


@intrinsic
def no_acts(typing: Any) -> Any:
    """A byte of no bits in every lane of a vector of double precision."""
    lanes = LanesType(types.uint8, DOUBLE)

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return ir.Constant(context.get_value_type(lanes), [0] * DOUBLE)

    return lanes(), code


@intrinsic
def with_bit(typing: Any, bytes_: Any, mask: Any, bit: Any) -> Any:
    """Bytes with a bit set in the lanes of the mask."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = args[0].type
        chosen = builder.bitcast(
            builder.trunc(args[1], ir.IntType(vector.count)),
            ir.VectorType(ir.IntType(1), vector.count),
        )
        return builder.select(
            chosen, builder.or_(args[0], _splat(builder, args[2], vector)), args[0]
        )

    return bytes_(bytes_, types.uint64, types.uint8), code


@intrinsic
def holding(typing: Any, sets: Any, index: Any, bit: Any, like: Any) -> Any:
    """Mask of the lanes whose byte holds a bit.

    The bytes begin at `index`. Their number is that of lanes in a vector of the type of `like`.
    """
    width = _WIDTH[like.dtype]

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = ir.VectorType(ir.IntType(8), width)
        at = context.cast(builder, args[1], index, types.intp)
        acts = builder.load(_pointer(context, builder, sets, args[0], at, vector), align=1)
        common = builder.and_(acts, _splat(builder, args[2], vector))
        some = builder.icmp_unsigned("!=", common, ir.Constant(vector, [0] * width))
        return builder.zext(builder.bitcast(some, ir.IntType(width)), ir.IntType(64))

    return types.uint64(sets, index, types.uint8, like), code


@intrinsic
def width(typing: Any, like: Any) -> Any:
    """Number of lanes of a vector of an array's element type."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.get_constant(types.intp, _WIDTH[like.dtype])

    return types.intp(like), code


@inlined
def _swap(a, b, shift, mask):  # type: ignore[no-untyped-def]
    """Exchange the masked bits of `b` with those of `a` that stand `shift` higher."""
    mixed = ((a >> shift) ^ b) & mask
    return a ^ (mixed << shift), b ^ mixed


@inlined
def transposed(a, b, c, d, e, f, g, h):  # type: ignore[no-untyped-def]
    """Eight words of eight bytes each: byte `i` of word `j` becomes byte `j` of word `i`."""
    shift, mask = np.uint64(32), np.uint64(0x00000000FFFFFFFF)
    a, e = _swap(a, e, shift, mask)
    b, f = _swap(b, f, shift, mask)
    c, g = _swap(c, g, shift, mask)
    d, h = _swap(d, h, shift, mask)
    shift, mask = np.uint64(16), np.uint64(0x0000FFFF0000FFFF)
    a, c = _swap(a, c, shift, mask)
    b, d = _swap(b, d, shift, mask)
    e, g = _swap(e, g, shift, mask)
    f, h = _swap(f, h, shift, mask)
    shift, mask = np.uint64(8), np.uint64(0x00FF00FF00FF00FF)
    a, b = _swap(a, b, shift, mask)
    c, d = _swap(c, d, shift, mask)
    e, f = _swap(e, f, shift, mask)
    g, h = _swap(g, h, shift, mask)
    return a, b, c, d, e, f, g, h


@inlined
def scratch(size, like):  # type: ignore[no-untyped-def]
    """An uninitialised flat array of the type of `like` that begins at a cache line.

    A vector that crosses a cache line costs double.
    """
    per_line = ALIGNMENT // like.itemsize
    room = np.empty(size + per_line, dtype=like.dtype)
    skip = (ALIGNMENT - room.ctypes.data % ALIGNMENT) % ALIGNMENT // like.itemsize
    return room[skip : skip + size]
