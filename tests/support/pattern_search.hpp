// Looking through all memory that the process can write to for a pattern that only the adversary writes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "iocp/operation.hpp"

namespace moor::test {

/// Describes every 4-byte word whose complement is `complement` and that lies neither in an operation of `pool` nor on
/// the calling thread's system stack; at most 20. (Not the pattern itself, so that no register holds it.) No other
/// thread may give memory back meanwhile.
[[nodiscard]] std::vector<std::string> patterns_outside(const iocp::operation_pool& pool, std::uint32_t complement);

} // namespace moor::test
