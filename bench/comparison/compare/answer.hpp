// One line of a peer's answer (bench/comparison/peers/support/peer.hpp), taken apart.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace moor::bench::compare {

struct answer {
    enum class kind { ok, cannot, failed };

    kind said = kind::failed;
    std::string reason; ///< of cannot and failed
    std::map<std::string, std::string, std::less<>> values;

    /// Throws std::runtime_error when the peer did not say it, or no finite number.
    [[nodiscard]] double number(std::string_view name) const;
};

/// Throws std::runtime_error for a line that is no answer.
[[nodiscard]] answer parse_answer(std::string_view line);

} // namespace moor::bench::compare
