// What goes beside a datagram: the local address and interface that it came to or leaves by, its hop limit, its
// congestion mark. The control messages that carry them lie in the operation (law 1), as does the header that names
// them.
#pragma once

#include <cstdint>
#include <optional>

#include <moor/endpoint.hpp>

#include "iocp/operation.hpp"

namespace moor::iocp {

/// Of a received datagram: what the system reported. Of one to be sent: what the caller chooses.
struct packet_details {
    std::optional<endpoint> local{}; ///< of this machine; its port counts for nothing
    std::optional<std::uint32_t> interface_index{};
    std::optional<std::uint8_t> hop_limit{};
    std::optional<std::uint8_t> congestion{}; ///< the two bits of ECN, as in the header
};

/// Fills `into` with control messages for a datagram to `remote`, and names them in its message header; none for
/// details that are not given. `details.local` and `remote` are both IPv4 (mapped or not), or neither is.
void write_details(const packet_details& details, const endpoint& remote, kernel_parameters& into) noexcept;

/// Names an empty block for the control messages of a datagram to be received.
void expect_details(kernel_parameters& into) noexcept;

/// Of a completed call: what its control messages say. Those that are not understood are passed over, and what is cut
/// short ends the list. An IPv4 address is mapped when the sender's is.
[[nodiscard]] packet_details read_details(const kernel_parameters& from) noexcept;

} // namespace moor::iocp
