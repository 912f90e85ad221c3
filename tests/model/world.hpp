// A runtime of the model with its coroutines, for scenarios.
#pragma once

#include <array>
#include <cstddef>

#include "checker/model.hpp"
#include "sched/runtime_core.hpp"
#include "sched/worker.hpp"

namespace moor::model {

/// Address space that the execution before has left.
struct fresh_address_space {
    fresh_address_space() noexcept;
};

struct world {
    /// `count` workers of the runtime look after each other's queues.
    explicit world(std::size_t count = 3);

    fresh_address_space memory; // before all that takes of it
    detail::runtime_core runtime;
    std::array<sched::worker, 3> workers{sched::worker(runtime, 0), sched::worker(runtime, 1),
                                         sched::worker(runtime, 2)};
};

/// While it lives the calling thread runs that worker's coroutine.
class as_coroutine {
public:
    explicit as_coroutine(sched::worker& of) noexcept;
    ~as_coroutine();
    as_coroutine(const as_coroutine&) = delete;
    as_coroutine& operator=(const as_coroutine&) = delete;
};

} // namespace moor::model
