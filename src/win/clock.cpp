// See clock.hpp.
#include "win/clock.hpp"

namespace moor {

detail::wait_clock::time_point detail::now() noexcept {
    if (const auto replaced = win::replaced_now.load(std::memory_order_relaxed); replaced != nullptr) [[unlikely]] {
        return replaced();
    }
    return wait_clock::now();
}

win::replaced_clock::replaced_clock(const clock_functions& wanted) noexcept {
    replaced_now.store(wanted.now, std::memory_order_relaxed);
    replaced_cycles.store(wanted.cycles, std::memory_order_relaxed);
}

win::replaced_clock::~replaced_clock() {
    replaced_now.store(nullptr, std::memory_order_relaxed);
    replaced_cycles.store(nullptr, std::memory_order_relaxed);
}

} // namespace moor
