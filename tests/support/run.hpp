// Running a test's body on a coroutine of a fresh runtime.
#pragma once

#include <utility>

#include <moor/runtime.hpp>

namespace moor::test {

/// Options that every test starts from: that many workers, the rest as a user gets it.
inline runtime_options with_workers(unsigned workers) {
    runtime_options options;
    options.workers = workers;
    return options;
}

/// Runs `body` on a coroutine of a runtime that lives for this call only; what it throws fails the test.
template <class Body>
decltype(auto) in_runtime(unsigned workers, Body&& body) {
    runtime running(with_workers(workers));
    return running.run(std::forward<Body>(body));
}

} // namespace moor::test
