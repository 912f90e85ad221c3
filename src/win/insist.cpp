// Which errors say that memory or quota is lacking, and so are worth another attempt for half a minute. All others are
// final.
#include "win/insist.hpp"

#include <iterator>

#include <fmt/format.h>

#include "win/error.hpp"
#include "win/system_calls.hpp"

namespace moor::win {
namespace {

constexpr std::chrono::seconds longest_shortage{30};

// Of memory, address space or quota: the system may have some again.
bool is_shortage(std::uint32_t error) noexcept {
    switch (error) {
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
    case ERROR_NO_SYSTEM_RESOURCES:
    case ERROR_NONPAGED_SYSTEM_RESOURCES:
    case ERROR_PAGED_SYSTEM_RESOURCES:
    case ERROR_WORKING_SET_QUOTA:
    case ERROR_PAGEFILE_QUOTA:
    case ERROR_NOT_ENOUGH_QUOTA:
    case ERROR_COMMITMENT_LIMIT: return true;
    default: return false;
    }
}

} // namespace

void insistence::refused(std::uint32_t error) noexcept {
    const auto now = detail::now();
    if (!is_shortage(error) || (since_ && now - *since_ >= longest_shortage)) {
        call_on_system_stack([&] {
            fmt::basic_memory_buffer<char, 128> text; // never on the heap, whose lock a suspended thread may hold
            fmt::format_to(std::back_inserter(text), "the system refuses {}: error {}", call_, error);
            fatal({text.data(), text.size()});
        });
    }
    if (!since_) {
        since_ = now;
    }
    call_on_system_stack([] { system().sleep(1); });
}

} // namespace moor::win
