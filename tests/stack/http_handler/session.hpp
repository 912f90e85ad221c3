// One connection of the HTTP test's server.
#pragma once

#include <moor/tcp.hpp>

namespace moor::test {

/// Answers requests on `peer` until it closes its side. A request and its body are at most 2,000 bytes. Suspends;
/// throws what the stream throws.
void serve_http(tcp_stream peer);

/// The whole answer to a request: what serve_http sends.
[[nodiscard]] std::string answer_http(std::string_view text);

} // namespace moor::test
