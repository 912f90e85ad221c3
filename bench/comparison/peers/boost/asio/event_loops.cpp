// See event_loops.hpp.
#include "peers/boost/asio/event_loops.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

namespace moor::bench::peers {

event_loops::event_loops(unsigned threads) {
    for (unsigned index = 0; index < threads; ++index) {
        contexts_.push_back(std::make_unique<asio::io_context>(BOOST_ASIO_CONCURRENCY_HINT_1));
    }
}

clock::time_point event_loops::run() {
    std::mutex guard;
    std::exception_ptr thrown;
    const auto run_one = [this, &guard, &thrown](asio::io_context& context) {
        try {
            context.run();
        } catch (...) {
            const std::lock_guard lock(guard);
            if (!thrown) {
                thrown = std::current_exception();
            }
            for (const auto& other : contexts_) {
                other->stop();
            }
        }
    };
    // Not a std::latch: with MinGW's library a thread did not come out of it now and then.
    std::atomic<std::size_t> missing{size()};
    const auto wait_for_all = [&missing] {
        missing.fetch_sub(1);
        while (missing.load() != 0) {
            std::this_thread::yield();
        }
    };
    std::vector<std::jthread> threads;
    for (std::size_t index = 1; index < size(); ++index) {
        threads.emplace_back([&wait_for_all, &run_one, context = contexts_[index].get()] {
            wait_for_all();
            run_one(*context);
        });
    }
    wait_for_all();
    const clock::time_point start = clock::now();
    run_one(*contexts_.front());
    threads.clear();
    if (thrown) {
        std::rethrow_exception(thrown);
    }
    return start;
}

void pass_on(const std::exception_ptr& thrown) {
    if (thrown) {
        std::rethrow_exception(thrown);
    }
}

void check(const error_code& error) {
    if (error) {
        throw failed(error.message());
    }
}

std::vector<connection> connections(event_loops& loops, std::uint64_t count) {
    tcp_acceptor acceptor(loops[0], loopback<tcp>());
    std::vector<connection> made;
    made.reserve(count);
    for (std::uint64_t index = 0; index < count; ++index) {
        asio::io_context& loop = loops[index];
        connection both{tcp_stream(loop), tcp_stream(loop)};
        both.client.connect(acceptor.local_endpoint());
        acceptor.accept(both.server);
        both.client.set_option(tcp::no_delay(true));
        both.server.set_option(tcp::no_delay(true));
        both.server.set_option(asio::socket_base::linger(true, 0)); // see jobs.hpp, echo
        made.push_back(std::move(both));
    }
    return made;
}

std::size_t buffer_size(std::size_t message_size) noexcept {
    constexpr std::size_t least = 4096;
    return std::max(least, message_size);
}

} // namespace moor::bench::peers
