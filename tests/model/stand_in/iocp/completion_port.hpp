// Stands in for src/iocp/completion_port.hpp: a port that wakes workers, one by a packet or a certain one by an
// asynchronous procedure call.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "checker/model.hpp"
#include "win/windows.hpp"

namespace moor::iocp {

inline constexpr std::size_t packets_per_batch = 2;
using packet_batch = std::array<OVERLAPPED_ENTRY, packets_per_batch>;

class completion_port {
public:
    enum class key : ULONG_PTR { operation = 1, wake = 2 };

    /// One packet for whoever asks next.
    void post_wake() const noexcept { word_.fetch_add(1, std::memory_order_acq_rel); }

    /// An asynchronous procedure call for the thread of the model that runs that worker: it returns from its wait.
    void call(std::size_t worker) const noexcept { word_.fetch_or(called << worker, std::memory_order_acq_rel); }

    /// By a worker: thread n + 1 of a scenario runs worker n. The kernel's lock orders what happens at a port.
    [[nodiscard]] std::span<OVERLAPPED_ENTRY> dequeue(std::span<OVERLAPPED_ENTRY> batch, DWORD timeout) const noexcept {
        const std::size_t worker = model::current_thread() - 1;
        for (;;) {
            std::uint64_t seen = word_.fetch_or(0, std::memory_order_acq_rel);
            if ((seen & called << worker) != 0) {
                word_.fetch_and(~(called << worker), std::memory_order_acq_rel);
                return {};
            }
            if ((seen & packets) != 0) {
                if (word_.compare_exchange_strong(seen, seen - 1, std::memory_order_acq_rel)) {
                    batch[0] = {static_cast<ULONG_PTR>(key::wake), nullptr, 0, 0};
                    return batch.first(1);
                }
                continue;
            }
            if (timeout != INFINITE) {
                return {};
            }
            model::block_while_equal(&word_, sizeof word_, seen);
        }
    }

private:
    static constexpr std::uint64_t packets = 0xffff; // as many are there
    static constexpr std::uint64_t called = 0x10000; // a bit for each worker

    mutable std::atomic<std::uint64_t> word_{0};
};

} // namespace moor::iocp
