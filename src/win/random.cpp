// std::random_device, or the cycle counter where that fails.
#include "win/random.hpp"

#include <exception>
#include <random>

#include "win/clock.hpp"

namespace moor::win {

// std::random_device is RtlGenRandom (rand_s) or the processor's RDRAND, depending on the library.
std::uint64_t random_bits() noexcept {
    try {
        std::random_device source;
        const std::uint64_t high = source();
        return high << 32 | source();
    } catch (const std::exception&) { // it fails: what is left is hard to guess, too
        return cycles() * 0x9e3779b97f4a7c15u;
    }
}

} // namespace moor::win
