// The peer "fibers": the fibers of Windows, which are stacks and a switch between them, and nothing else: what waits
// and who runs next is the program's business.
//
// Settings: fibers switch to one another directly, without a scheduler between them; those that have ended are kept and
// given the next function, since making one costs far more than a switch; a fiber commits a page of its stack and
// reserves the least that the system does, 64 KiB (CreateFiberEx), unless a job needs more. Fibers are made without
// FIBER_FLAG_FLOAT_SWITCH, which the documentation has no need of on x64: it saves those registers anyway.
// They stay on the thread that made them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "peers/support/descent.hpp"
#include "peers/support/peer.hpp"
#include "peers/support/share.hpp"
#include "win/windows.hpp"

namespace moor::bench::peers::fibers {
namespace {

constexpr std::size_t committed_stack = 4096;
constexpr std::size_t small_stack = std::size_t{64} * 1024;
constexpr std::size_t usual_stack = std::size_t{1024} * 1024; // what the header of a program asks for

/// A fiber that runs one function after the other: each resume() of an idle one begins with the function that was given
/// last. It must be idle when it is destroyed, or its function must own nothing.
class fiber {
public:
    /// Throws cannot when the system has no more.
    explicit fiber(std::size_t reserved = small_stack)
        : handle_(::CreateFiberEx(committed_stack, reserved, 0, &fiber::run, this)) {
        if (handle_ == nullptr) {
            throw cannot("the system has no more fibers");
        }
    }
    ~fiber() { ::DeleteFiber(handle_); }
    fiber(const fiber&) = delete;
    fiber& operator=(const fiber&) = delete;

    /// The function returns the fiber to switch to when it ends. One that captures no more than two words is kept
    /// without memory of its own.
    void give(std::function<void*()> function) { function_ = std::move(function); }
    [[nodiscard]] void* handle() const noexcept { return handle_; }

private:
    static void CALLBACK run(void* argument) {
        auto& self = *static_cast<fiber*>(argument);
        for (;;) {
            ::SwitchToFiber(self.function_());
        }
    }

    std::function<void*()> function_;
    void* handle_;
};

/// Makes the program's thread a fiber, the one that the others come back to.
class main_fiber {
public:
    main_fiber() : handle_(::ConvertThreadToFiberEx(nullptr, 0)) {
        if (handle_ == nullptr) {
            throw failed("the thread cannot be made a fiber");
        }
    }
    ~main_fiber() { ::ConvertFiberToThread(); }
    main_fiber(const main_fiber&) = delete;
    main_fiber& operator=(const main_fiber&) = delete;

    [[nodiscard]] void* handle() const noexcept { return handle_; }

private:
    void* handle_;
};

/// Under Wine each stack takes mappings of the host's, of which a process has 65,530, and where they run out within
/// Wine itself the process ends without a word. Windows has no such limit.
void check_room(std::uint64_t count) {
    constexpr std::uint64_t most_under_wine = 20'000;
    if (count > most_under_wine && ::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != nullptr) {
        throw cannot("more than " + std::to_string(most_under_wine) +
                     " fibers are not tried under Wine: stacks use up its memory mappings");
    }
}

using fiber_list = std::vector<std::unique_ptr<fiber>>;

figures yield(const request& asked) {
    constexpr std::uint64_t pair = 2;
    const std::uint64_t rounds = equal_share(asked.items(), pair);
    const main_fiber home;
    std::uint64_t switches = 0;
    fiber first;
    fiber second;
    const auto switching = [rounds, &switches](void* other, void* end) {
        return [rounds, &switches, other, end] {
            for (std::uint64_t round = 0; round < rounds; ++round) {
                ++switches;
                ::SwitchToFiber(other);
            }
            return end;
        };
    };
    first.give(switching(second.handle(), second.handle()));
    second.give(switching(first.handle(), home.handle()));
    const auto start = clock::now();
    ::SwitchToFiber(first.handle());
    const auto time = clock::now() - start;
    if (switches != rounds * pair) {
        throw failed("the fibers did not yield as often as they should");
    }
    return timed(time, switches);
}

// The token is a number that whoever has it adds to; it is handed over by switching to the next.
figures ring(const request& asked) {
    const std::uint64_t coroutines = asked["coroutines"];
    check_room(coroutines);
    const std::uint64_t rounds = equal_share(asked.items(), coroutines);
    const main_fiber home;
    fiber_list all;
    for (std::uint64_t index = 0; index < coroutines; ++index) {
        all.push_back(std::make_unique<fiber>());
    }
    std::uint64_t token = 0;
    for (std::uint64_t index = 0; index < coroutines; ++index) {
        const bool last = index + 1 == coroutines;
        all[index]->give([&token, rounds, last, next = all[(index + 1) % coroutines]->handle(), end = home.handle()] {
            for (std::uint64_t round = 1; round < rounds; ++round) {
                ++token;
                ::SwitchToFiber(next);
            }
            ++token;
            return last ? end : next;
        });
    }
    const auto start = clock::now();
    ::SwitchToFiber(all.front()->handle());
    const auto time = clock::now() - start;
    if (token != rounds * coroutines) {
        throw failed("the token was not handed over as often as it should");
    }
    return timed(time, token);
}

figures spawn(const request& asked) {
    const std::uint64_t items = asked.items();
    const main_fiber home;
    fiber kept;
    struct {
        std::uint64_t sum;
        void* end;
    } shared{0, home.handle()};
    const auto start = clock::now();
    for (std::uint64_t number = 1; number <= items; ++number) {
        kept.give([&shared, number] {
            shared.sum += number;
            return shared.end;
        });
        ::SwitchToFiber(kept.handle());
    }
    const auto time = clock::now() - start;
    if (shared.sum != sum_to(items)) {
        throw failed("the sum is wrong");
    }
    return timed(time, items);
}

// Each of a round is given its function, then the first is switched to, and each that ends switches to the next. They
// are made in the first round.
figures fan_out(const request& asked) {
    const std::uint64_t coroutines = asked["coroutines"];
    check_room(coroutines);
    const std::uint64_t rounds = equal_share(asked.items(), coroutines);
    const main_fiber home;
    fiber_list all;
    struct {
        std::uint64_t sum = 0;
        std::vector<void*> handles; // the last one is home
    } shared;
    const auto start = clock::now();
    for (std::uint64_t index = 0; index < coroutines; ++index) {
        all.push_back(std::make_unique<fiber>());
        shared.handles.push_back(all.back()->handle());
    }
    shared.handles.push_back(home.handle());
    for (std::uint64_t round = 0; round < rounds; ++round) {
        for (std::uint64_t number = 1; number <= coroutines; ++number) {
            all[number - 1]->give([&shared, number] {
                shared.sum += number;
                return shared.handles[number];
            });
        }
        ::SwitchToFiber(shared.handles.front());
    }
    const auto time = clock::now() - start;
    if (shared.sum != rounds * sum_to(coroutines)) {
        throw failed("the sum is wrong");
    }
    return timed(time, rounds * coroutines);
}

// Each waits by having switched back.
figures park(const request& asked) {
    const std::uint64_t coroutines = asked["coroutines"];
    check_room(coroutines);
    const main_fiber home;
    fiber_list all;
    std::uint64_t ended = 0;
    const std::uint64_t before = resident_bytes();
    try {
        for (std::uint64_t index = 0; index < coroutines; ++index) {
            all.push_back(std::make_unique<fiber>());
            all.back()->give([&ended, end = home.handle()] {
                ::SwitchToFiber(end);
                ++ended;
                return end;
            });
            ::SwitchToFiber(all.back()->handle());
        }
    } catch (const cannot&) {
        throw cannot("the system has stacks for " + std::to_string(all.size()) + " fibers only");
    }
    const std::uint64_t after = resident_bytes();
    for (const auto& parked : all) {
        ::SwitchToFiber(parked->handle());
    }
    if (ended != coroutines) {
        throw failed("not all that waited have ended");
    }
    return memory(before, after, coroutines);
}

// The fiber is kept, as in spawn. One that is not asked otherwise reserves what the program's header says.
figures descend(const request& asked) {
    constexpr std::uint64_t frame_bytes = 256; // at most
    const std::uint64_t items = asked.items();
    const std::uint64_t frames = asked["frames"];
    const main_fiber home;
    fiber kept(std::max<std::size_t>(usual_stack, frames * frame_bytes + small_stack));
    std::uint64_t sum = 0;
    const auto start = clock::now();
    for (std::uint64_t item = 0; item < items; ++item) {
        kept.give([&sum, frames, end = home.handle()] { // some memory for it is nothing beside the descent
            sum += peers::descend(frames);
            return end;
        });
        ::SwitchToFiber(kept.handle());
    }
    const auto time = clock::now() - start;
    if (sum != items * descent_sum(frames)) {
        throw failed("the descent came to a wrong sum");
    }
    return timed(time, items);
}

} // namespace
} // namespace moor::bench::peers::fibers

int main() {
    namespace jobs = moor::bench::peers::fibers;
    moor::bench::peers::peer offered;
    offered.name = "Windows fibers";
    offered.version = "of the system";
    offered.settings =
        "on one thread, switched to directly without a scheduler, kept for reuse, 64 KiB of stack reserved";
    offered.jobs = {{"yield", jobs::yield},     {"ring", jobs::ring}, {"spawn", jobs::spawn},
                    {"fan_out", jobs::fan_out}, {"park", jobs::park}, {"descend", jobs::descend}};
    offered.lacks = "fibers are stacks and a switch: no channels, locks, timers or sockets that wait by them";
    return moor::bench::peers::serve(offered);
}
