// One thread of the system, as the peer "threads" uses it. Made by the system's own call: std::thread of MinGW goes
// through a library for POSIX threads, which costs more than the thread itself has to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

namespace moor::bench::peers {

/// The least that the system reserves for a stack.
inline constexpr std::size_t small_stack = std::size_t{64} * 1024;
/// What a thread has that does not ask: what the program's header says, a mebibyte.
inline constexpr std::size_t usual_stack = 0;

/// Throws `cannot` for more threads at once than are tried: a machine has some ten thousands for all that runs on it,
/// and under Wine each takes a mebibyte, and files of the process.
void refuse_too_many(std::uint64_t threads);

/// Runs a function in a thread of its own. The destructor waits for its end.
class system_thread {
public:
    /// Throws std::system_error when the system has no more threads.
    explicit system_thread(std::function<void()> body, std::size_t stack = small_stack);
    ~system_thread();
    system_thread(system_thread&&) noexcept;
    system_thread& operator=(system_thread&&) = delete;

    /// Waits for its end. Throws what the function has thrown. Once only.
    void join();

private:
    struct state;

    std::unique_ptr<state> state_; // null after a join
};

/// Waits for the end of all, even when one has failed, and throws what the first of those has thrown.
void join_all(std::vector<system_thread>& threads);

} // namespace moor::bench::peers
