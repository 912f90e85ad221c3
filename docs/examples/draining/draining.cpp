// The programs of docs/shutdown.md. What they print is compared with output.txt.
#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <functional>
#include <initializer_list>
#include <span>
#include <stop_token>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <moor/moor.hpp>

using namespace std::chrono_literals;

static std::stop_source ctrl_c;

struct job {
    std::chrono::milliseconds takes;
};

static void work(const moor::channel<job>& jobs, int& finished) {
    for (const job& next : jobs) {
        moor::this_coroutine::sleep_for(next.takes); // throws operation_canceled when this coroutine is asked to stop
        ++finished;
    }
}

// Takes jobs until Ctrl-C, then finishes what is queued, in `drain_time` at most. Returns how many were finished.
static int serve(const moor::channel<job>& incoming, std::chrono::milliseconds drain_time) {
    const moor::channel<job> queued(100);
    int finished = 0;
    moor::task_group workers;
    workers.spawn(work, queued, std::ref(finished));

    std::error_code error;
    while (auto next = incoming.receive(ctrl_c.get_token(), error)) {
        queued.send(*next);
    }
    queued.close();                         // 1. nothing new; the worker's loop ends when the queue is empty
    if (!workers.wait(drain_time, error)) { // 2. timed_out: the workers run on
        workers.stop();                     // 3. their waits report operation_canceled
        workers.wait();                     // 4. until they have ended
    }
    return finished;
}

class temporary_record { // cleans up by a call that waits
public:
    explicit temporary_record(moor::channel<std::string> log) : log_(std::move(log)) {}
    ~temporary_record() {
        // Without the shield the send would report operation_canceled at once in a coroutine that was asked to stop.
        const moor::this_coroutine::stop_shield shield;
        std::error_code error;
        log_.send("removed", 1s, error); // the deadline still holds
    }
    temporary_record(const temporary_record&) = delete;
    temporary_record& operator=(const temporary_record&) = delete;

private:
    moor::channel<std::string> log_;
};

static long long compute(long long steps) {
    long long sum = 0;
    for (long long step = 0; step < steps; ++step) {
        sum += step % 7;
        if (step % 1024 == 0) {
            if (moor::this_coroutine::stop_requested()) { // a loop without waits has to ask
                return -1;
            }
            moor::maybe_yield();
        }
    }
    return sum;
}

static std::vector<std::byte> read_message(moor::tcp_stream& peer, const moor::wait_limit& limit) {
    std::array<std::byte, 2> size{};
    peer.read_exactly(size, limit);
    std::vector<std::byte> body(std::to_integer<std::size_t>(size[0]) * 256 + std::to_integer<std::size_t>(size[1]));
    peer.read_exactly(body, limit); // the same point in time, however long the first call took
    return body;
}

static int serve_jobs(std::initializer_list<job> jobs, std::chrono::milliseconds drain_time) {
    ctrl_c = std::stop_source();
    std::signal(SIGINT, [](int) { ctrl_c.request_stop(); }); // each signal resets the handler
    const moor::channel<job> incoming;
    auto sender = moor::spawn([incoming, all = std::vector<job>(jobs)] {
        for (const job& next : all) {
            incoming.send(next);
        }
        std::raise(SIGINT);
    });
    const int finished = serve(incoming, drain_time);
    sender.join();
    return finished;
}

static void run_all() {
    std::printf("drained: %d of 3 jobs\n", serve_jobs({{1ms}, {2ms}, {3ms}}, 10s));
    std::printf("ended early: %d of 2 jobs\n", serve_jobs({{1h}, {1ms}}, 20ms));

    const moor::channel<std::string> log;
    auto owner = moor::spawn([log] {
        const temporary_record record(log);
        moor::this_coroutine::sleep_for(1h);
    });
    owner.request_stop();
    std::printf("record: %s\n", log.receive(10s).value().c_str());
    std::error_code error;
    owner.wait(10s, error);

    auto computing = moor::spawn(compute, 1'000'000'000'000);
    computing.request_stop();
    std::printf("computation: %s\n", computing.join() < 0 ? "stopped" : "finished");

    auto listener = moor::tcp_listener::bind({"127.0.0.1", 0});
    auto client = moor::tcp_stream::connect(listener.local_endpoint(), 10s);
    auto peer = listener.accept(10s);
    const std::array<std::byte, 4> message{std::byte{0}, std::byte{2}, std::byte{'o'}, std::byte{'k'}};
    client.write(message);
    std::printf("message: %zu bytes\n", read_message(peer, 10s).size());
    client.write(std::span(message).first(3)); // the last byte is missing
    try {
        static_cast<void>(read_message(peer, 20ms));
    } catch (const std::system_error& failure) {
        std::printf("message: %s\n", failure.code() == std::errc::timed_out ? "timed out" : failure.what());
    }
}

int main() try {
    moor::runtime runtime;
    runtime.run(run_all);
} catch (const std::exception& error) {
    std::fprintf(stderr, "draining: %s\n", error.what());
    return 1;
}
