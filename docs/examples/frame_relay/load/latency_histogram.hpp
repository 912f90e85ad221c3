// Latencies of millions of frames in constant memory, recorded by many coroutines at once: buckets that grow with the
// value, sixteen to each power of two, so that a percentile is exact to one part in sixteen.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace frame_relay {

class latency_histogram {
public:
    /// Any thread. A negative latency counts as zero.
    void record(std::chrono::nanoseconds latency) noexcept {
        const auto value = static_cast<std::uint64_t>(latency.count() < 0 ? 0 : latency.count());
        buckets_[bucket_of(value)].fetch_add(1, std::memory_order_relaxed); // a counter that guards nothing
    }

    [[nodiscard]] std::uint64_t count() const noexcept {
        std::uint64_t total = 0;
        for (const auto& bucket : buckets_) {
            total += bucket.load(std::memory_order_relaxed);
        }
        return total;
    }

    /// The upper end of the bucket that holds the value which `share` (0 to 1) of all values do not exceed; 0 when
    /// nothing was recorded. Exact only when nobody records meanwhile.
    [[nodiscard]] std::chrono::nanoseconds percentile(double share) const noexcept {
        const double wanted = share * static_cast<double>(count());
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < buckets_.size(); ++i) {
            seen += buckets_[i].load(std::memory_order_relaxed);
            if (seen > 0 && static_cast<double>(seen) >= wanted) {
                return std::chrono::nanoseconds(upper_end(i));
            }
        }
        return {};
    }

private:
    static constexpr unsigned step_bits = 4;
    static constexpr std::uint64_t steps = 1u << step_bits;

    // Values below `steps` have buckets of their own; above, the bucket is made of the exponent and the next four bits.
    static constexpr std::size_t bucket_of(std::uint64_t value) noexcept {
        if (value < steps) {
            return static_cast<std::size_t>(value);
        }
        const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - 1 - step_bits;
        return static_cast<std::size_t>((shift + 1) * steps + ((value >> shift) & (steps - 1)));
    }

    static constexpr std::int64_t upper_end(std::size_t bucket) noexcept {
        if (bucket < steps) {
            return static_cast<std::int64_t>(bucket);
        }
        const std::size_t shift = bucket / steps - 1;
        return static_cast<std::int64_t>(((steps + bucket % steps + 1) << shift) - 1);
    }

    std::array<std::atomic<std::uint64_t>, (64 - step_bits) * steps> buckets_{};
};

} // namespace frame_relay
