// A peer's process, and the talk with it.
#pragma once

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

#include "win/handle.hpp"

namespace moor::bench::compare {

/// The peer is gone, or was ended because it took too long: there is no talking to it any more.
class peer_lost : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// One process of a peer. Its error output is ours.
class session {
public:
    /// Starts it. Throws std::system_error.
    session(const std::filesystem::path& program, unsigned threads);
    /// Ends its input and waits a moment for its end; then ends it by force.
    ~session();
    session(const session&) = delete;
    session& operator=(const session&) = delete;

    /// Sends a line and waits for the line that answers it, without its end. Throws peer_lost.
    [[nodiscard]] std::string ask(std::string_view line, std::chrono::milliseconds longest);

    [[nodiscard]] HANDLE process() const noexcept { return process_.get(); }

private:
    void send(std::string_view line);
    // Appends what the peer says next.
    void receive(std::chrono::steady_clock::time_point until, std::chrono::milliseconds longest);
    [[noreturn]] void lost();

    win::unique_handle process_;
    win::unique_handle input_;  // the peer's
    win::unique_handle output_; // the peer's, overlapped here
    win::unique_handle event_;
    std::string received_;
};

} // namespace moor::bench::compare
