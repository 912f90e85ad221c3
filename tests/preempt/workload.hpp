// Code to be interrupted anywhere: calls whose frames differ in every way that compilers know, all of it in the
// program's own image, none of it a system call.
#pragma once

#include <atomic>

namespace moor::preempt::test {

/// Recursion, frames of variable and of more than a page's size, leaves, tail calls, saved vector registers, code of
/// the C++ library's own compiler calling back. Always the same value for the same `rounds`.
unsigned run_workload(unsigned rounds);

/// Calls `run_workload(1)` until `stop`, and counts the calls in `done`; what a walk goes up to.
void run_workload_until(const std::atomic<bool>& stop, std::atomic<unsigned>& done);

} // namespace moor::preempt::test
