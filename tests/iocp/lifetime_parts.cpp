// See lifetime_parts.hpp.
#include "iocp/lifetime_parts.hpp"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

namespace moor::test {

std::uint64_t cell_counts::print() const {
    std::string text = fmt::format("{:24}", "");
    for (const char* const name : event_names) {
        text += fmt::format("{:>12}", name);
    }
    text += '\n';
    std::uint64_t all = 0;
    std::uint64_t least = ~std::uint64_t{0};
    for (std::size_t when = 0; when < stages.size(); ++when) {
        text += fmt::format("{:24}", stage_names[when]);
        for (std::size_t what = 0; what < events.size(); ++what) {
            std::uint64_t sum = 0;
            for (const auto& call : counts_) {
                sum += call[when][what];
                least = std::min(least, call[when][what]);
            }
            all += sum;
            text += fmt::format("{:12}", sum);
        }
        text += '\n';
    }
    std::printf("%s%llu schedules of %zu calls in %zu cells, the rarest with %llu\n", text.c_str(), all, counts_.size(),
                counts_.size() * stages.size() * events.size(), least);
    return all;
}

std::string cell_counts::never_reached() const {
    std::string text;
    for (std::size_t call = 0; call < counts_.size(); ++call) {
        for (std::size_t when = 0; when < stages.size(); ++when) {
            for (std::size_t what = 0; what < events.size(); ++what) {
                if (counts_[call][when][what] == 0) {
                    text += fmt::format("{}, {}, {}\n", every_call()[call].name, stage_names[when], event_names[what]);
                }
            }
        }
    }
    return text;
}

} // namespace moor::test
