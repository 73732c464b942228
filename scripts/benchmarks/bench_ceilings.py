"""The largest throughput of this machine: float32 multiply-adds per second.

One loop uses registers alone, the other adds a vector load to each multiply-add. Both are written
in LLVM instructions for the vector width of the processor. Numba compiles them without a C
compiler. Speed is per processor time of each thread, so that other processes do not count.

Run: python scripts/benchmarks/bench_ceilings.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numba
import numpy as np
from bench_job import THREADS, Array
from llvmlite import binding, ir
from numba.core import cgutils, types
from numba.extending import intrinsic

CHAINS = {"registers": 12, "loads": 8}  # accumulators that do not wait for each other
TABLE = 16 * 1024
ROUNDS = 5
SECONDS = 0.1


def vector_width() -> int:
    """How many float32 a vector register holds."""
    features = binding.get_host_cpu_features()
    return 16 if features.get("avx512f") else 8 if features.get("avx") else 4


WIDTH = vector_width()
VECTOR = ir.VectorType(ir.FloatType(), WIDTH)


def _splat(value: float) -> Any:
    return ir.Constant(VECTOR, [value] * WIDTH)


def _multiply_add(builder: Any) -> Any:
    """`x * y + z`, as one instruction where the processor has it (`llvm.fma` would call a library
    elsewhere).
    """
    kind = ir.FunctionType(VECTOR, [VECTOR] * 3)
    return cgutils.get_or_insert_function(builder.module, kind, f"llvm.fmuladd.v{WIDTH}f32")


def _accumulators(builder: Any, n: int) -> list[Any]:
    out = [cgutils.alloca_once(builder, VECTOR) for _ in range(n)]
    for i, chain in enumerate(out):
        builder.store(_splat(0.1 * i), chain)
    return out


def _total(builder: Any, chains: list[Any]) -> Any:
    """Something that depends on every accumulator, so that none is left out."""
    total = builder.load(chains[0])
    for chain in chains[1:]:
        total = builder.fadd(total, builder.load(chain))
    out = builder.extract_element(total, ir.Constant(ir.IntType(32), 0))
    for i in range(1, WIDTH):
        out = builder.fadd(out, builder.extract_element(total, ir.Constant(ir.IntType(32), i)))
    return out


@intrinsic  # type: ignore[untyped-decorator]
def _registers(typing: Any, rounds: Any) -> Any:
    """`rounds` times a multiply-add on every chain."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        chains, multiply_add = _accumulators(builder, CHAINS["registers"]), _multiply_add(builder)
        with cgutils.for_range(builder, args[0]):
            for chain in chains:
                builder.store(
                    builder.call(multiply_add, [builder.load(chain), _splat(0.999), _splat(0.001)]),
                    chain,
                )
        return _total(builder, chains)

    return types.float32(types.int64), code


@intrinsic  # type: ignore[untyped-decorator]
def _loads(typing: Any, rounds: Any, address: Any, blocks: Any) -> Any:
    """`rounds` times over a table of `blocks` blocks of a vector for each chain: one load, one
    multiply-add.
    """

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        n = CHAINS["loads"]
        chains, multiply_add = _accumulators(builder, n), _multiply_add(builder)
        table = builder.inttoptr(args[1], ir.PointerType(VECTOR))
        with cgutils.for_range(builder, args[0]), cgutils.for_range(builder, args[2]) as loop:
            first = builder.mul(loop.index, ir.Constant(loop.index.type, n))
            for i, chain in enumerate(chains):
                place = builder.gep(
                    table, [builder.add(first, ir.Constant(first.type, i))], source_etype=VECTOR
                )
                item = builder.load(place, align=4 * WIDTH, typ=VECTOR)
                builder.store(
                    builder.call(multiply_add, [item, _splat(0.5), builder.load(chain)]), chain
                )
        return _total(builder, chains)

    return types.float32(types.int64, types.int64, types.int64), code


@numba.njit(nogil=True)
def _run_registers(rounds):  # type: ignore[no-untyped-def]
    return _registers(rounds)


@numba.njit(nogil=True)
def _run_loads(rounds, address, blocks):  # type: ignore[no-untyped-def]
    return _loads(rounds, address, blocks)


def aligned(n_bytes: int) -> Array:
    """Ones in float32 that begin at a cache line."""
    raw = np.ones(n_bytes // 4 + 16, dtype=np.float32)
    skip = -raw.ctypes.data % 64 // 4
    return raw[skip : skip + n_bytes // 4]


def registers(rounds: int) -> int:
    """Run from registers alone; returns the multiply-adds done."""
    _run_registers(rounds)
    return rounds * CHAINS["registers"] * WIDTH


def loads(rounds: int) -> int:
    """Run over a table of 16 KB of its own, a load for each multiply-add; returns the multiply-adds
    done.
    """
    table = aligned(TABLE)
    _run_loads(rounds, table.ctypes.data, TABLE // (4 * WIDTH * CHAINS["loads"]))
    return rounds * TABLE // 4


@cache
def _rounds(run: Callable[[int], int]) -> int:
    """Rounds that take about `SECONDS`."""
    run(1)
    rounds, took = 1, 0.0
    while took < SECONDS:
        rounds *= 2
        start = time.perf_counter()
        run(rounds)
        took = time.perf_counter() - start
    return rounds


def speed(run: Callable[[int], int], threads: int) -> float:
    """Best GFLOP/s of several rounds on some threads at once."""
    rounds = _rounds(run)

    def one(_: int) -> float:
        start = time.thread_time()
        return 2.0 * run(rounds) / (time.thread_time() - start) / 1e9

    with ThreadPoolExecutor(threads) as pool:
        return max(sum(pool.map(one, range(threads))) for _ in range(ROUNDS))


def measure() -> dict[str, float]:
    """GFLOP/s in float32 on one thread and on all: from registers alone, and with a load for each
    multiply-add.
    """
    cases = {"registers": registers, "loads": loads}
    return {
        f"{name}, {threads} thread{'s' * (threads > 1)}": speed(run, threads)
        for name, run in cases.items()
        for threads in sorted({1, THREADS})
    }


def main() -> None:
    """Print the ceilings."""
    print(f"vectors of {WIDTH} float32")
    for name, value in measure().items():
        print(f"{name:>22}: {value:6.1f} GFLOP/s")


if __name__ == "__main__":
    main()
