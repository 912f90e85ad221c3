// The TCP part of the load: sessions that read frames out of records, as a TLS layer delivers them, verify each and
// pass it on to the next session's client; all of it deep in a chain of calls, each with words to watch in its frame.
#pragma once

#include <cstdint>

#include <moor/tcp.hpp>

#include "torture/load_state.hpp"

namespace moor::test {

/// The client: sends records of random frames until the load is over, and one that says so.
void send_records(tcp_stream& to, std::uint32_t stream, load_state& state);

/// The session in the server: from `client`'s records to `next`, the client of the next session.
void serve_session(tcp_stream& client, tcp_stream& next, load_state& state);

/// The other side of a client: checks the frames that the session before its own passes on, those of `stream`.
void receive_frames(tcp_stream& from, std::uint32_t stream, load_state& state);

} // namespace moor::test
