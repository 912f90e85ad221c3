// Walks over the frames of a thread that is suspended wherever it happens to be, as the monitor makes them.
#include <atomic>
#include <cstdint>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "support/spin.hpp"
#include "unwind/frame_walk.hpp"
#include "unwind/function_address.hpp"
#include "unwind/main_image.hpp"
#include "unwind/workload.hpp"
#include "win/compiler.hpp"
#include "win/handle.hpp"

namespace moor::unwind::test {
namespace {

constexpr unsigned limit = 64;

// Runs the workload until it is told to end.
class busy_thread {
public:
    busy_thread()
        : thread_([this] {
              id_.store(::GetCurrentThreadId());
              constexpr std::uint32_t own_address = 0x30; // NT_TIB::Self
              teb_.store(win::read_gs_64(own_address));
              run_workload_until(stop_, done_);
          }) {
        while (teb_.load() == 0) {
            std::this_thread::yield();
        }
        handle_ = win::unique_handle(::OpenThread(THREAD_ALL_ACCESS, FALSE, id_.load()));
    }
    busy_thread(const busy_thread&) = delete;
    busy_thread& operator=(const busy_thread&) = delete;
    ~busy_thread() {
        stop_ = true;
        thread_.join();
    }

    // Whether the thread gets on; not while it is suspended.
    [[nodiscard]] bool wait_for_progress() const {
        const unsigned before = done_.load();
        return moor::test::spin_until([&] { return done_.load() != before; });
    }
    [[nodiscard]] HANDLE handle() const { return handle_.get(); }
    // While it is suspended: below the limit is memory that it has not touched yet.
    [[nodiscard]] stack_bounds stack() const {
        const auto& block = *reinterpret_cast<const NT_TIB*>(teb_.load());
        return {reinterpret_cast<std::uint64_t>(block.StackLimit), reinterpret_cast<std::uint64_t>(block.StackBase)};
    }

private:
    std::atomic<bool> stop_{false};
    std::atomic<unsigned> done_{0};
    std::atomic<DWORD> id_{0};
    std::atomic<std::uint64_t> teb_{0};
    win::unique_handle handle_;
    std::thread thread_;
};

struct outcome {
    unsigned reached = 0;
    unsigned nothing_said = 0; // of the innermost function
    unsigned wrong = 0;
};

TEST(suspended_walk, reaches_the_function_that_the_thread_began_with) {
    const main_image image;
    const std::uint64_t last = unwind::without_jump(reinterpret_cast<const void*>(&run_workload_until));
    busy_thread busy;
    outcome seen;
    std::set<std::uint64_t> places;
    for (unsigned round = 0; round != 400; ++round) {
        ASSERT_TRUE(busy.wait_for_progress());
        ASSERT_NE(::SuspendThread(busy.handle()), static_cast<DWORD>(-1));
        CONTEXT context{};
        context.ContextFlags = CONTEXT_CONTROL | CONTEXT_INTEGER;
        const bool known = ::GetThreadContext(busy.handle(), &context) != 0;
        // From here to ResumeThread nothing may wait for a lock.
        frame_walk walk(image.code(), registers_of(context), busy.stack(), last, limit);
        bool first = true;
        bool said = false;
        while (known && walk.next()) {
            if (first) {
                said = walk.current().function != 0;
                first = false;
            }
        }
        ::ResumeThread(busy.handle());
        ASSERT_TRUE(known);
        places.insert(context.Rip);
        if (walk.stop() == walk_stop::reached) {
            ++seen.reached;
            EXPECT_EQ(walk.current().function, last);
        } else if (!said && walk.frames() != 0) {
            ++seen.nothing_said;
        } else {
            ++seen.wrong;
            ADD_FAILURE() << "stop " << static_cast<int>(walk.stop()) << " after " << walk.frames() << " frames, from "
                          << std::hex << context.Rip - image.base() << ", at "
                          << walk.current().instruction - image.base();
        }
    }
    RecordProperty("nothing_said", static_cast<int>(seen.nothing_said));
    EXPECT_EQ(seen.wrong, 0u);
    EXPECT_GT(places.size(), 20u);
    EXPECT_GT(seen.reached, 200u) << seen.nothing_said;
}

} // namespace
} // namespace moor::unwind::test
