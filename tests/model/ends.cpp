// The end of a coroutine between those who wait for it, those who have a reference, and the worker that leaves its
// stack for good: the result goes to one of them, the body is destroyed once, and the block is free when nobody uses
// it.
#include <array>
#include <new>
#include <system_error>

#include <moor/spawn.hpp>

#include "checker/model.hpp"
#include "sched/coroutine_life.hpp"
#include "world.hpp"

namespace moor::model {
namespace {

using detail::coroutine_reference;

const about end_files{.files = {"sched/coroutine_life.cpp", "sched/spawn.cpp", "sched/coroutine_life.hpp"}};

struct work : detail::body {
    explicit work(int& alive) noexcept : body([](void*) {}), alive_(alive) { ++alive_; }
    ~work() override { --alive_; }

    int result = 0;

private:
    int& alive_; // shared with whoever destroys another one: each access is ordered with the others
};

constexpr std::uint64_t its_id = 1;

// A coroutine that runs on the world's first worker, with one reference.
struct ending_coroutine {
    explicit ending_coroutine(world& of) : its_worker(of.workers[0]), self(its_worker.runs) {
        self.begin(of.runtime, {});
        self.work = new (self.body_storage.data()) work(alive);
    }

    // What the last frame of its stack and the worker after it do.
    void end() {
        const as_coroutine running(its_worker);
        static_cast<work*>(self.work)->result = 42;
        detail::end_body(self);
        detail::retire(self);
    }

    sched::worker& its_worker;
    detail::coroutine& self;
    int alive = 0;
};

// As join_handle::join.
bool join(coroutine_reference& handle) {
    if (detail::wait_for_end(handle, no_limit, detail::end_use::take_result)) {
        return false;
    }
    const coroutine_reference taken = handle.take();
    require(static_cast<work&>(detail::body_of(taken)).result == 42, "the one that joins sees the result");
    return true;
}

const scenario joins{"join and end", "one joins, its handle goes with it", end_files, [] {
                         world of;
                         ending_coroutine ends(of);
                         coroutine_reference handle(&ends.self, its_id);
                         run_threads([&] { ends.end(); },
                                     [&] {
                                         const as_coroutine self(of.workers[1]);
                                         require(join(handle), "the join gets the result");
                                     });
                         require(ends.alive == 0 && of.runtime.recycled == 1, "the block is free once");
                     }};

const scenario two_join{"join and end", "two join through one handle", end_files, [] {
                            world of;
                            ending_coroutine ends(of);
                            coroutine_reference handle(&ends.self, its_id);
                            std::array<bool, 2> got{};
                            run_threads([&] { ends.end(); },
                                        [&] {
                                            const as_coroutine self(of.workers[1]);
                                            got[0] = join(handle);
                                        },
                                        [&] {
                                            const as_coroutine self(of.workers[2]);
                                            got[1] = join(handle);
                                        });
                            require(got[0] != got[1], "one of them gets the result");
                            require(ends.alive == 0 && of.runtime.recycled == 1, "the block is free once");
                        }};

// The block is free and used again while others are in calls with the same handle: those do nothing to the coroutine
// that is in it now.
const scenario reused{
    "join and end", "one joins, and a new coroutine gets the block while another one joins", end_files, [] {
        world of;
        ending_coroutine ends(of);
        coroutine_reference handle(&ends.self, its_id);
        std::array<bool, 2> got{};
        ends.end();
        run_threads(
            [&] {
                const as_coroutine self(of.workers[1]);
                got[0] = join(handle);
                if (got[0]) {
                    ends.self.begin(of.runtime, {});
                    ends.self.id.store(its_id + 1, std::memory_order_seq_cst);
                }
            },
            [&] {
                const as_coroutine self(of.workers[2]);
                if (choose(2) == 0) {
                    got[1] = join(handle);
                } else {
                    detail::request_stop(handle);
                    static_cast<void>(detail::has_ended(handle));
                }
            });
        require(got[0] != got[1], "one of them gets the result");
        require(got[1] || !ends.self.stop_requested.load(std::memory_order_relaxed), "nobody stops a stranger");
    }};

const scenario dropped{"join and end", "its handle is dropped, another one has a reference for a moment", end_files,
                       [] {
                           world of;
                           ending_coroutine ends(of);
                           coroutine_reference handle(&ends.self, its_id);
                           coroutine_reference other = detail::another_reference(ends.self);
                           run_threads([&] { ends.end(); }, [&] { handle = {}; },
                                       [&] {
                                           other.get()->request_stop();
                                           other = {};
                                       });
                           require(ends.alive == 0 && of.runtime.recycled == 1, "the block is free once");
                       }};

const scenario gives_up{"join and end", "one that joins is stopped", end_files, [] {
                            world of;
                            ending_coroutine ends(of);
                            coroutine_reference handle(&ends.self, its_id);
                            bool got = false;
                            run_threads([&] { ends.end(); },
                                        [&] {
                                            const as_coroutine self(of.workers[1]);
                                            got = join(handle);
                                            handle = {};
                                        },
                                        [&] { of.workers[1].runs.request_stop(); });
                            require(ends.alive == 0 && of.runtime.recycled == 1, "the block is free once");
                            static_cast<void>(got);
                        }};

} // namespace
} // namespace moor::model
