// See watchdog.hpp.
#include "support/watchdog.hpp"

#include <cstdio>
#include <utility>

#include "debug/blocked_report.hpp"
#include "debug/live_runtimes.hpp"
#include "win/windows.hpp"

namespace moor::test {

watchdog::watchdog(std::chrono::seconds patience, std::function<std::uint64_t()> steps,
                   std::function<std::string()> name)
    : patience_(patience), steps_(std::move(steps)), name_(std::move(name)), thread_([this] { run(); }) {}

watchdog::~watchdog() {
    ended_.store(true);
    thread_.join();
}

void watchdog::run() const {
    std::uint64_t seen = steps_();
    auto changed = std::chrono::steady_clock::now();
    while (!ended_.load()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        const auto now = std::chrono::steady_clock::now();
        if (const std::uint64_t steps = steps_(); steps != seen) {
            seen = steps;
            changed = now;
        } else if (now - changed > patience_) {
            std::fprintf(stderr, "nothing has moved for %lld seconds: %s\n", static_cast<long long>(patience_.count()),
                         name_().c_str());
            debug::live_runtimes::for_each(
                [](detail::runtime_core& each) { debug::write_blocked_report(each, false); });
            std::fflush(nullptr);
            ::TerminateProcess(::GetCurrentProcess(), 4);
        }
    }
}

} // namespace moor::test
