// A kernel that takes no time: it stands in the library's table of system calls and does nothing but what the contracts
// of the calls demand. What a call then costs is the runtime's own work.
#pragma once

#include "win/system_calls.hpp"

namespace moor::bench {

/// In place while it lives; one at a time, while no operation of the system is pending. For runtimes with one worker.
class null_kernel {
public:
    enum class behaviour {
        completes_at_once, ///< all bytes of every call, no packet
        completes_later, ///< every call is pending until its packet is dequeued, as many in one batch as there is room
                         ///< for
    };

    explicit null_kernel(behaviour chosen);

private:
    const win::replaced_system_calls replaced_;
};

} // namespace moor::bench
