"""Prefetch memory before it is read, so that waiting times overlap."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


@intrinsic
def prefetch(typing_context: Any, array: Any, at: Any) -> Any:
    """Bring the cache line of byte `at` of a contiguous array nearer.

    A hint: it changes no value and never fails.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        start = builder.bitcast(
            context.make_array(signature.args[0])(context, builder, arguments[0]).data, byte
        )
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        hint = builder.module.declare_intrinsic("llvm.prefetch", (byte,), kind)
        to_read, keep_close, data = number(0), number(3), number(1)
        builder.call(hint, [builder.gep(start, [arguments[1]]), to_read, keep_close, data])
        return context.get_dummy_value()

    return types.none(array, types.int64), generate
