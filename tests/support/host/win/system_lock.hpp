// Stands in for src/win/system_lock.hpp where pure tests are built for the host: it comes first in the include path.
#pragma once

#include <mutex>

namespace moor::win {

using system_lock = std::mutex;

} // namespace moor::win
