// Lines for somebody who reads slowly, or has stopped reading: a write to a full pipe waits, and on a worker it would
// hold up every coroutine there. So a plain thread writes, out of a bounded queue, and what finds the queue full is
// lost and counted.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include <moor/channel.hpp>

namespace frame_relay {

class line_writer {
public:
    /// Gets whole lines with their end, one at a time, on the writer's own thread; may wait as long as it likes, and
    /// must not throw. It may outlive the writer, see there.
    using sink = std::function<void(std::string_view)>;

    /// At most `most_lines` wait for the sink. Throws std::bad_alloc, std::system_error.
    explicit line_writer(sink output, std::size_t most_lines = 4096);

    /// Gives the sink `farewell_time` for what is queued. One that is stuck is left alone then, with its thread, until
    /// the process ends. Blocks, so not on a coroutine.
    ~line_writer();

    line_writer(const line_writer&) = delete;
    line_writer& operator=(const line_writer&) = delete;

    /// Queues a line, given without its end. Any coroutine or thread; never waits. When the sink has caught up after
    /// lines were lost, it gets one that says how many.
    void write(std::string_view line) noexcept;

    static constexpr std::chrono::seconds farewell_time{1};

private:
    struct nothing {};

    moor::channel<std::string> lines_;
    moor::channel<nothing> finished_{0}; // closed by the thread when it is done
    std::shared_ptr<std::atomic<std::uint64_t>> lost_;
    std::thread thread_; // owns what it uses, so that it can be left alone
};

/// Sinks for the standard streams. They pass by the C runtime: exit() waits for the lock on its stream, which a thread
/// that is stuck in a write would hold. A reader that is gone is no failure.
[[nodiscard]] line_writer::sink standard_output();
[[nodiscard]] line_writer::sink standard_error();

} // namespace frame_relay
