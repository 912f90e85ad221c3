// Boost.Fiber as a peer.
//
// On one thread the scheduler is round_robin and stacks are pooled, as Boost.Fiber's documentation offers it for fibers
// that come and go. On several threads it is shared_work, whose idle threads look for work without a pause
// (suspend=false): otherwise nothing tells them of work that another thread has. Between jobs the further threads wait
// for the next one in the system. A pool of stacks is not for several threads, so there they come from malloc.
// work_stealing was about as fast, but the program crashed when it ended.
//
// The documentation's chapter on tuning offers BOOST_FIBERS_NO_ATOMICS to programs of one thread. It is not used, since
// this program runs on one or several.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <boost/fiber/condition_variable.hpp>
#include <boost/fiber/fiber.hpp>
#include <boost/fiber/mutex.hpp>

#include "peers/boost/stack_source.hpp"
#include "peers/support/peer.hpp"

namespace moor::bench::peers {

class fiber_peer {
public:
    explicit fiber_peer(unsigned threads);
    ~fiber_peer();
    fiber_peer(const fiber_peer&) = delete;
    fiber_peer& operator=(const fiber_peer&) = delete;

    /// Runs a job on all threads.
    figures run(figures (fiber_peer::*job)(const request&), const request& asked);

    /// Switching and synchronisation.
    figures yield(const request& asked);
    figures ring(const request& asked);
    figures spawn(const request& asked);
    figures fan_out(const request& asked);
    figures channel(const request& asked);
    figures mutex(const request& asked);
    /// Stacks.
    figures park(const request& asked);
    figures descend(const request& asked);

private:
    template <class Function>
    boost::fibers::fiber start(Function function) {
        return start(stacks_, std::move(function));
    }
    template <class Function>
    static boost::fibers::fiber start(const stack_source& stacks, Function function) {
        return {boost::fibers::launch::post, std::allocator_arg, stack_source(stacks), std::move(function)};
    }

    void join_in();

    unsigned threads_;
    stack_source stacks_;

    // How the further threads come to a job and leave it.
    std::mutex gate_;
    std::condition_variable opened_;
    std::uint64_t jobs_begun_ = 0;
    bool closing_ = false;
    boost::fibers::mutex end_guard_;
    boost::fibers::condition_variable ended_;
    std::uint64_t jobs_ended_ = 0;
    std::vector<std::jthread> others_;
};

} // namespace moor::bench::peers
