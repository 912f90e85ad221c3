// Asio's channels for coroutines on a compute_pool, and waiting for the end of several coroutines by means of them.
//
// Asio has a channel that may be used by one thread at a time and one that locks; the jobs take whichever is right for
// the number of threads. A coroutine that sends or receives first tries without waiting (try_send, try_receive), and
// calls the asynchronous operation when it must wait: that one completes through the pool's queue even when it need not
// wait, and was slower. A mutex is a channel of capacity 1, as in the "mutual exclusion" examples of Asio's
// documentation.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <utility>

#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>

#include "peers/boost/asio/compute_pool.hpp"
#include "peers/support/peer.hpp"

namespace moor::bench::peers {

using boost::system::error_code;

/// The channels for a pool of one thread.
struct on_one_thread {
    template <class Signature>
    using channel = asio::experimental::channel<compute_pool::executor, Signature>;
};
/// Those for several threads.
struct on_several_threads {
    template <class Signature>
    using channel = asio::experimental::concurrent_channel<compute_pool::executor, Signature>;
};

/// Calls `job` with the channels that are right for so many threads.
template <class Job>
figures with_channels(unsigned threads, Job job) {
    return threads == 1 ? job(on_one_thread()) : job(on_several_threads());
}

template <class Channels>
using number_channel = typename Channels::template channel<void(error_code, std::uint64_t)>;
template <class Channels>
using signal_channel = typename Channels::template channel<void(error_code)>;

/// Lets one coroutine wait for the end of so many others.
template <class Channels>
class countdown {
public:
    countdown(compute_pool::executor executor, std::uint64_t count) : left_(count), ended_(executor, 1) {}

    /// Before coroutines of a next round are started.
    void again(std::uint64_t count) noexcept { left_.store(count, std::memory_order_relaxed); }
    /// A completion handler for each of them.
    [[nodiscard]] auto counts_down() {
        return [this](const std::exception_ptr& thrown) {
            if (thrown) {
                std::rethrow_exception(thrown);
            }
            if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
                ended_.try_send(error_code());
            }
        };
    }
    /// The operation that completes when the last one has ended.
    template <class Token>
    auto wait(Token&& token) {
        return ended_.async_receive(std::forward<Token>(token));
    }

private:
    std::atomic<std::uint64_t> left_;
    signal_channel<Channels> ended_;
};

} // namespace moor::bench::peers
