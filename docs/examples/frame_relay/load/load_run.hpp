// A whole run: who talks to whom, all connections at once, the traffic, and the account at the end.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <moor/endpoint.hpp>

namespace frame_relay {

/// To how many others each client sends (fewer when there are fewer clients).
inline constexpr std::uint32_t receivers_per_client = 4;

struct load_settings {
    moor::endpoint server;
    std::uint32_t clients = 50;
    std::chrono::seconds duration{10};
    std::uint64_t seed = 1;
    std::size_t least_payload = 64;
    std::size_t most_payload = 1400;
    unsigned window = 8; ///< messages on their way per pair of clients
    /// How long nothing may arrive at the end before what is missing counts as lost.
    std::chrono::seconds drain_patience{10};
    bool chaos = false; ///< with hostile clients beside
};

struct load_result {
    std::uint32_t clients = 0;
    std::uint64_t frames = 0; ///< received and verified
    std::uint64_t bytes = 0;
    std::uint64_t lost = 0; ///< sent and never received
    std::uint64_t corrupted = 0;
    std::uint64_t failed_clients = 0; ///< whose connection ended before the run did
    std::chrono::nanoseconds median{};
    std::chrono::nanoseconds percentile_99{};

    [[nodiscard]] bool good() const noexcept {
        return frames > 0 && lost == 0 && corrupted == 0 && failed_clients == 0;
    }
    /// The line that ends a run.
    [[nodiscard]] std::string to_string() const;
};

/// On a coroutine. `report` gets lines on the progress. Throws std::exception when not all clients could connect.
[[nodiscard]] load_result run_load(const load_settings& settings, const std::function<void(std::string_view)>& report);

} // namespace frame_relay
