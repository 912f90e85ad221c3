// A wait that a std::stop_token may end, without a std::stop_callback of its own.
//
// The destructor of a stop_callback waits for the callback when another thread runs it just then. In libstdc++ 12 for
// MinGW that wait sleeps on a semaphore which can lose its wake-up (the value is looked at outside the mutex of the
// condition variable), and a worker that sleeps so never wakes. Elsewhere it would block a worker for as long as the
// other thread has no processor. So one callback serves all waits for a token, and it is destroyed only where its
// destructor has nothing to wait for; see stop_wait.cpp.
#pragma once

#include <cstddef>
#include <stop_token>

#include <moor/detail/wait.hpp>

namespace moor::sched {

struct stop_watch;

/// As long as it lives, a stop request to `token` claims `ticket` with wake_reason::stopped; one that was made before
/// claims it at once. Lives on the waiting stack, that of a coroutine or of a plain thread. Suspends nowhere and waits
/// for no callback. Ends the process when there is no memory for the first wait for a token.
class stop_wait {
public:
    stop_wait(const std::stop_token& token, detail::wait_ticket ticket) noexcept;
    ~stop_wait();

    stop_wait(const stop_wait&) = delete;
    stop_wait& operator=(const stop_wait&) = delete;

private:
    friend struct stop_watch;

    const detail::wait_ticket ticket_;
    const std::size_t bucket_;    // whose lock guards the rest
    stop_watch* watch_ = nullptr; // in whose list this is, or null
    stop_wait* previous_ = nullptr;
    stop_wait* next_ = nullptr;
};

/// How many tokens have a callback now, in the whole process. Takes all locks, one after another: for tests.
[[nodiscard]] std::size_t watched_stop_tokens() noexcept;

} // namespace moor::sched
