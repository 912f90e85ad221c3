// The scenarios of this program.
#pragma once

#include <vector>

#include "model.hpp"

namespace moor::model {

/// In the order of their definition.
[[nodiscard]] std::vector<const scenario*>& all_scenarios() noexcept;

} // namespace moor::model
