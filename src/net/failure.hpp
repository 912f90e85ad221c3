// Whose failure it is. A listener's call may report that a stranger's connection broke, and a datagram socket's that
// the network did not deliver what was sent before: neither ends what the caller waits for. What that can be is
// open-ended (every provider and driver on the way has a say), so the other side is told apart: what concerns the
// socket itself, the machine or the call. All else is of others.
#pragma once

#include <cstdint>
#include <system_error>

#include <moor/wait_limit.hpp>

namespace moor::net {

enum class failure_of : std::uint8_t {
    socket,     ///< closed, cancelled, out of resources, no network at all, a call that makes no sense
    connection, ///< the state of one connection: it is not there any more, or one side has ended it
    network,    ///< everything else: a peer, or somebody on the way to it
};

/// Of an error in winsock_category() or moor_category(). `by_packet`: the call had been taken before it failed. Then
/// WSAEINVAL speaks of no argument, it is what Winsock makes of a status that it does not know.
[[nodiscard]] failure_of whose_failure(const std::error_code& error, bool by_packet) noexcept;

/// How a call behaves that passes over failures of others, one after another and without having waited. It lets other
/// coroutines run; and when there is no end of failures it goes slowly, so that one which lasts does not take a
/// processor.
class patience {
public:
    /// After each. Suspends now and then; returns early when `limit` ends, which the caller notices itself.
    void passed_over(const wait_limit& limit);

private:
    unsigned in_a_row_ = 0;
};

} // namespace moor::net
