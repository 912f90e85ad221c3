// Code to be interrupted anywhere: calls whose frames differ in every way that compilers know, all of it in the
// program's own image, none of it a system call. A program may hold it twice, by two compilers (mixed_frames_test.cpp):
// the second one is compiled with MOOR_TEST_WORKLOAD=by_other_compiler.
#pragma once

#include <array>
#include <atomic>

#if !defined(MOOR_TEST_WORKLOAD)
#define MOOR_TEST_WORKLOAD by_this_compiler
#endif

namespace moor::unwind::test {

struct nesting;
using nested_function = unsigned (*)(unsigned depth, unsigned value, const nesting& by);

/// The functions that call each other in turn.
struct nesting {
    std::array<nested_function, 2> functions;
};

inline namespace MOOR_TEST_WORKLOAD {

/// Recursion, frames of variable and of more than a page's size, leaves, tail calls, saved vector registers, code of
/// the C++ library's own compiler calling back. Always the same value for the same `rounds`.
unsigned run_workload(unsigned rounds);

/// Calls `run_workload(1)` until `stop`, and counts the calls in `done`; what a walk goes up to.
void run_workload_until(const std::atomic<bool>& stop, std::atomic<unsigned>& done);

/// `depth` frames, of this function and of those in `by` in turn, and `run_workload(1)` in the innermost. Always the
/// same value for the same arguments.
unsigned run_nested(unsigned depth, unsigned value, const nesting& by);

} // namespace MOOR_TEST_WORKLOAD
} // namespace moor::unwind::test
