// One program per peer, and what they share: the talk with the program that compares them (bench/comparison/compare).
//
// A peer is started with the number of threads that it may use as its only argument, and reads requests from its
// standard input, one per line, until that ends:
//
//     about
//     echo items=20000 connections=64 size=64 in_flight=1
//
// It answers each with one line:
//
//     ok name="Boost.Asio, callbacks" version="1.88.0" settings="one io_context with concurrency hint 1"
//     ok seconds=0.213 items=20032
//     cannot it has no channels
//     failed the echo is not what was sent
//
// Whoever compares chooses the numbers, so that every peer does the same work; what the jobs are and what an item of
// each is stands in jobs.hpp. A peer measures its own time, by the steady clock, and only that of the items: making
// sockets, connecting, and the warming up of pools come before. The programs in other languages (peers/go) talk the
// same way.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace moor::bench::peers {

using clock = std::chrono::steady_clock;

/// Thrown by a job that this peer cannot do: its reason is what the report says instead of a figure.
class cannot : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Thrown by a job whose result is wrong.
class failed : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// One line from whoever compares: a job and its numbers.
class request {
public:
    /// Throws std::invalid_argument for a line that is none.
    explicit request(std::string_view line);

    [[nodiscard]] const std::string& job() const noexcept { return job_; }
    /// The number called `name`. Throws std::invalid_argument when the request has none.
    [[nodiscard]] std::uint64_t operator[](std::string_view name) const;
    /// How many items to do; a job may do more, to fill its last batch, and says so.
    [[nodiscard]] std::uint64_t items() const { return (*this)["items"]; }

private:
    std::string job_;
    std::map<std::string, std::uint64_t, std::less<>> numbers_;
};

/// What a job came to: figures by name.
using figures = std::vector<std::pair<std::string, double>>;

/// The usual result: so many items in that time.
[[nodiscard]] figures timed(clock::duration time, std::uint64_t items);
/// Of grow: `once` is what so many coroutines took that descended once, `twice` what those took that did it twice.
/// Throws failed when the difference is lost in noise.
[[nodiscard]] figures growth(clock::duration once, clock::duration twice, std::uint64_t items);
/// Of timer_delay: how late the timers were. Sorts them; not empty.
[[nodiscard]] figures lateness(std::vector<clock::duration> late);
/// Bytes of memory that this process has in use, as the system counts it (the working set).
[[nodiscard]] std::uint64_t resident_bytes();
/// Of park: what `coroutines` parked ones have added to the memory that was in use before.
[[nodiscard]] figures memory(std::uint64_t before, std::uint64_t after, std::uint64_t coroutines);

/// A peer: what it calls itself and what it can do. A job that is not among its jobs it cannot do.
struct peer {
    std::string name;     ///< as the report prints it
    std::string version;  ///< of the library, or of the system's headers
    std::string settings; ///< what was chosen in its favour
    std::map<std::string, std::function<figures(const request&)>> jobs;
    std::string lacks = "it has no such thing"; ///< why it cannot do the others
};

/// Threads that a peer may use beside nothing else: the program's argument, 1 when there is none.
/// Throws std::invalid_argument for anything else.
[[nodiscard]] unsigned threads_allowed(int argc, char** argv);

/// Answers requests until the standard input ends. Returns the exit status of the program.
int serve(const peer& offered);

} // namespace moor::bench::peers
