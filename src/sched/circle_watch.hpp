// Finds coroutines that wait for each other in a circle: a deadlock of a part of the program, which the deadlock_watch
// does not see as long as anything else goes on, or a listener is open.
//
// A circle closes when a wait for somebody's deed begins, and stays for ever. So nothing looks for one where coroutines
// wait: they count such waits (worker::dependent_waits), and the monitor looks now and then whether some were added.
// Nobody who is right is called wrong: every wait of a circle was seen twice to be the same wait, unended, and between
// the two times each holder was seen to hold what the one before him waits for. At that moment all of them waited, and
// none could do what another waits for.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include <moor/detail/wait.hpp>

#include "win/windows.hpp"

namespace moor::detail {
class coroutine;
class runtime_core;
} // namespace moor::detail

namespace moor::sched {

/// All of it by the monitor's thread, but for the settings.
class circle_watch {
public:
    using steady = std::chrono::steady_clock;

    explicit circle_watch(detail::runtime_core& watched) noexcept : runtime_(watched) {}

    /// Looks for circles when it is time to. Does not return when there is one that nothing ends, unless it is only to
    /// be reported.
    void look(steady::time_point now) noexcept;

    /// How long the monitor may rest before it has to look again, in milliseconds, or INFINITE. No wait may begin
    /// meanwhile.
    [[nodiscard]] DWORD until_next_look(steady::time_point now) const noexcept;

    /// Between two searches, so that a program whose coroutines always wait for mutexes pays little; and never more
    /// than one part in `share` of the time. For tests, before anything runs.
    std::chrono::milliseconds interval{1000};
    static constexpr int share = 100;
    /// After how much time a circle that a request to stop would end is reported. For tests, before anything runs.
    std::chrono::milliseconds unsure_after{10'000};

private:
    // A coroutine in a wait for somebody's deed, as seen once.
    struct waiting {
        detail::coroutine* who = nullptr;
        std::uint64_t id = 0;
        std::uint64_t wait = 0; // its name, coroutine::unended_wait
        const void* group = nullptr;
        detail::dependence on;
        std::uint64_t holder = 0;

        bool operator==(const waiting&) const noexcept = default;
    };
    // Each waits for the next, the last for the first.
    struct circle {
        std::vector<waiting> members; // begins with the lowest id
        steady::time_point since{};
        bool reported = false;
    };

    [[nodiscard]] std::uint64_t begun() const noexcept;
    [[nodiscard]] static waiting seen(detail::coroutine& each) noexcept;
    [[nodiscard]] static bool is_there(const circle& found) noexcept;
    [[nodiscard]] std::vector<waiting> all_waiting();
    void search(steady::time_point now);
    void add(std::vector<waiting> members, steady::time_point now);
    void judge(steady::time_point now) noexcept;

    detail::runtime_core& runtime_;
    std::uint64_t searched_ = 0; // how many waits had begun before the last search
    steady::time_point next_search_{};
    std::vector<circle> known_; // circles that are there; few
};

} // namespace moor::sched
