// What a round of the soak sees that must not be, and that it still moves. Code on movable stacks calls no GoogleTest,
// so findings are counted here and judged outside.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <system_error>
#include <utility>

#include <moor/spawn.hpp>

namespace moor::test {

/// One thing that was not right.
struct finding {
    const char* what = nullptr; ///< a string literal
    int code = 0;               ///< of an error that nobody expected, or a number that says more
};

/// All members but all(): any thread or coroutine, on any stack.
class findings {
public:
    /// `steps` is counted up, and outlives this.
    explicit findings(std::atomic<std::uint64_t>& steps) noexcept : steps_(steps) {}

    /// `what` is a string literal.
    void add(const char* what, int code = 0) noexcept {
        const std::size_t place = count_.fetch_add(1, std::memory_order_acq_rel);
        if (place < kept_.size()) {
            kept_[place].code = code;
            kept_[place].what.store(what, std::memory_order_release); // with all(): the code
        }
    }
    void expect(bool holds, const char* what, int code = 0) noexcept {
        if (!holds) {
            add(what, code);
        }
    }
    /// Something was done and found right: what the watchdog waits for.
    void step() noexcept { steps_.fetch_add(1, std::memory_order_relaxed); }

    [[nodiscard]] std::size_t count() const noexcept { return count_.load(std::memory_order_acquire); }

    /// The first of them, for a person; empty places have a null text.
    [[nodiscard]] std::array<finding, 16> first() const noexcept {
        std::array<finding, 16> seen;
        for (std::size_t place = 0; place != kept_.size(); ++place) {
            seen[place].what = kept_[place].what.load(std::memory_order_acquire);
            seen[place].code = seen[place].what != nullptr ? kept_[place].code : 0;
        }
        return seen;
    }

private:
    struct slot {
        std::atomic<const char*> what{nullptr};
        int code = 0;
    };
    std::array<slot, 16> kept_;
    std::atomic<std::size_t> count_{0};
    std::atomic<std::uint64_t>& steps_;
};

/// A coroutine of a round: whatever leaves it is a finding. Its handle is joined by who started it.
template <class Function>
[[nodiscard]] join_handle<void> spawn_watched(findings& found, const spawn_options& options, Function function) {
    return spawn(options, [&found, body = std::move(function)]() mutable {
        try {
            body();
        } catch (const std::system_error& error) {
            found.add("an error that nobody expected left a coroutine", error.code().value());
        } catch (const std::exception&) {
            found.add("an exception left a coroutine");
        }
    });
}

} // namespace moor::test
