// What the head of a report says about the machine, as far as a Windows program knows it.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace moor::bench::compare {

/// Keeps this process, and those that it starts, on the first `processors` of the processors that it may use. Fewer
/// when there are not so many; returns their number. Throws std::system_error.
unsigned pin(unsigned processors);

/// Pairs of what and how.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> describe_machine();

} // namespace moor::bench::compare
