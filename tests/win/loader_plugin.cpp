// A DLL with moor inside, as plug-ins are: for loader_test.cpp.
#include "win/loader_plugin.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>

#include <moor/forensics.hpp>
#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/task_group.hpp>
#include <moor/tcp.hpp>
#include <moor/this_coroutine.hpp>

namespace {

using namespace std::chrono_literals;

// Of everything that registers with the process or with a thread. A plain thread waits for the coroutines.
void use_for_a_moment() {
    moor::runtime running({.workers = 2});
    running.run([] {
        auto listener = moor::tcp_listener::bind({"127.0.0.1", 0});
        auto client = moor::spawn([there = listener.local_endpoint()] {
            std::array<std::byte, 4> bytes{};
            moor::tcp_stream::connect(there, 5s).write(bytes, 5s);
        });
        auto peer = listener.accept(5s);
        std::array<std::byte, 4> bytes{};
        peer.read_exactly(bytes, 5s);
        client.join();
        moor::task_group group;
        for (int count = 0; count < 20; ++count) {
            group.spawn([] {
                try {
                    throw std::runtime_error("of the plug-in");
                } catch (const std::exception&) {
                    moor::this_coroutine::yield();
                }
            });
        }
        group.wait();
        int watched = 0;
        std::error_code error; // not every system tells of writes
        const moor::debug::watch watch(&watched, sizeof watched, moor::debug::watch_output::none, error);
    });
}

std::unique_ptr<moor::runtime> kept;

void keep_a_runtime() {
    kept = std::make_unique<moor::runtime>(moor::runtime_options{.workers = 2});
    kept->spawn([] { moor::this_coroutine::sleep_for(1h); }).detach();
}

void drop_the_runtime() { kept.reset(); }

struct at_unload {
    void (*function)() = nullptr;
    ~at_unload() {
        if (function != nullptr) {
            function();
        }
    }
} called_at_unload;

void call_at_unload(void (*function)()) { called_at_unload.function = function; }

} // namespace

extern "C" __declspec(dllexport) const moor::test::plugin* moor_test_plugin() {
    static constexpr moor::test::plugin functions{&use_for_a_moment, &keep_a_runtime, &drop_the_runtime,
                                                  &call_at_unload};
    return &functions;
}
