// What Asio's coroutines run on when they do no I/O.
//
// A thread_pool and not an io_context: on Windows an io_context queues each handler through its completion port, one
// system call to put it in and part of one to take it out, and a thread_pool has a queue of Asio's own:
// to yield took 30 us there and 0.1 us here, under Wine. The calling
// thread is attached to it as one of its threads. When it is the only one, the pool is configured for that as "Runtime
// Configuration and Concurrency Hints" of Asio's documentation has it: concurrency_hint=1 and locking=0, since
// everything then happens in one thread.
#pragma once

#include <exception>
#include <utility>

#include <boost/asio/config.hpp>
#include <boost/asio/thread_pool.hpp>

namespace moor::bench::peers {

namespace asio = boost::asio;

/// For one job. Its executor's type is known at compile time: nothing is erased.
class compute_pool {
public:
    using executor = asio::thread_pool::executor_type;

    explicit compute_pool(unsigned threads)
        : pool_(threads - 1, asio::config_from_string(threads == 1 ? "scheduler.concurrency_hint=1\n"
                                                                     "scheduler.locking=0"
                                                                   : "scheduler.concurrency_hint=0")) {}

    [[nodiscard]] executor get_executor() noexcept { return pool_.get_executor(); }

    /// A completion handler for the coroutine whose end is the end of the job.
    [[nodiscard]] auto ends_it() {
        return [this](std::exception_ptr thrown) {
            thrown_ = std::move(thrown);
            pool_.stop();
        };
    }
    /// Works until that coroutine has ended, and throws what it has thrown.
    void run() {
        pool_.attach();
        pool_.join();
        if (thrown_) {
            std::rethrow_exception(thrown_);
        }
    }

private:
    std::exception_ptr thrown_;
    asio::thread_pool pool_;
};

} // namespace moor::bench::peers
