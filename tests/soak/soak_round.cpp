// See soak_round.hpp.
#include "soak/soak_round.hpp"

#include <moor/this_coroutine.hpp>

namespace moor::test {

bool short_delay(std::minstd_rand& random) {
    switch (random() % 3) {
    case 0: break;
    case 1:
        for (auto turns = random() % 6; turns != 0; --turns) {
            this_coroutine::yield();
        }
        break;
    default: {
        std::error_code error;
        this_coroutine::sleep_for(std::chrono::microseconds(random() % 2000), no_limit, error);
        break;
    }
    }
    return !this_coroutine::stop_requested();
}

wait_limit short_limit(std::minstd_rand& random) { return std::chrono::microseconds(random() % 1500); }

} // namespace moor::test
