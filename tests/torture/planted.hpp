// The detector of the corruption that moor exists to prevent: words on the stack that look like return addresses, and
// what became of them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace moor::test {

/// What was found of planted words. Any thread adds to it.
struct damage {
    /// Words that nobody in the program wrote to, and that changed.
    std::atomic<std::uint64_t> late_writes{0};
    /// Those of them whose low half is as it was: the sign of the original report, 0x00000010 above a code address.
    std::atomic<std::uint64_t> high_halves{0};
    /// One of the latter, as found.
    std::atomic<std::uint64_t> example{0};
};

/// What a return address looks like: this function's lower half in an image that lies where Windows puts programs.
/// (Wine loads them at 0x1'40000000, and takes the 1 that it then finds in place of its length for one: it writes -1.
/// For anything from 16 up it writes what the report had.)
[[nodiscard]] inline std::uint64_t code_address() noexcept {
    return 0x00007ff6'00000000 | static_cast<std::uint32_t>(reinterpret_cast<std::uint64_t>(&code_address));
}

/// So many such words in the frame of whoever has one. No move of the stack adjusts them: they point into code.
template <std::size_t Words>
class planted {
public:
    planted() noexcept {
        for (auto& each : words_) {
            each = code_address();
        }
    }
    planted(const planted&) = delete;
    planted& operator=(const planted&) = delete;

    /// Adds what changed to `found`, and plants anew.
    void look(damage& found) noexcept {
        const std::uint64_t intact = code_address();
        for (auto& each : words_) {
            const std::uint64_t seen = each;
            if (seen == intact) {
                continue;
            }
            found.late_writes.fetch_add(1, std::memory_order_relaxed);
            if (static_cast<std::uint32_t>(seen) == static_cast<std::uint32_t>(intact)) {
                found.high_halves.fetch_add(1, std::memory_order_relaxed);
                found.example.store(seen, std::memory_order_relaxed);
            }
            each = intact;
        }
    }

private:
    std::array<volatile std::uint64_t, Words> words_;
};

} // namespace moor::test
