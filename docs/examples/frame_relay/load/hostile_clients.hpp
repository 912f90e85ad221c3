// Clients that do everything wrong, beside the honest ones: the relay must close them, and nobody else may notice.
#pragma once

#include <atomic>
#include <cstdint>

#include <moor/endpoint.hpp>

namespace frame_relay {

/// Runs every kind of attack again and again, several at a time, until the calling coroutine is asked to stop.
/// `attacks` counts those that were begun.
void run_hostile_clients(const moor::endpoint& server, std::uint64_t seed, std::atomic<std::uint64_t>& attacks);

} // namespace frame_relay
