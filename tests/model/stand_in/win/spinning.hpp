// Stands in for src/win/spinning.hpp: the thread goes on when another one has stored something.
#pragma once

#include "checker/model.hpp"

namespace moor::win {

struct spinning {
    void pause() noexcept { model::wait_for_a_store(); }
};

} // namespace moor::win
