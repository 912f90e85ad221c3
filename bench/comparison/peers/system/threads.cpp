// The peer "threads": a thread of the system instead of each coroutine, and sockets that block. This is what a program
// does that has none of the others.
//
// Settings: threads, locks and condition variables are the system's own (threads_thread.hpp, threads_queue.hpp) and not
// those of MinGW's C++ library; a thread reserves the least stack there is, except where its default is asked for; for
// short sleeps the system's timers are set to a millisecond and a timer of high resolution is used, as the
// documentation of CreateWaitableTimerEx and timeBeginPeriod says. How many threads run at once is up to the processors
// that the process may use.
#include <cstdint>

#include "peers/support/peer.hpp"
#include "peers/system/threads_jobs.hpp"
#include "win/windows.hpp"

#include <timeapi.h>

namespace {

/// Winsock and the fine timer, while the program runs.
class environment {
public:
    environment() {
        WSADATA data;
        ready_ = ::WSAStartup(MAKEWORD(2, 2), &data) == 0;
        ::timeBeginPeriod(period);
    }
    ~environment() {
        ::timeEndPeriod(period);
        if (ready_) {
            ::WSACleanup();
        }
    }
    environment(const environment&) = delete;
    environment& operator=(const environment&) = delete;

private:
    static constexpr UINT period = 1; // milliseconds
    bool ready_ = false;
};

} // namespace

int main() {
    namespace jobs = moor::bench::peers::threads;
    const environment prepared;
    moor::bench::peers::peer offered;
    offered.name = "system threads, blocking sockets";
    offered.version = "of the system";
    offered.settings =
        "a thread per coroutine, 64 KiB of stack reserved, SRWLOCK and CONDITION_VARIABLE, SwitchToThread; "
        "the lock may go to the same thread again, an item of mutex is one acquisition; timeBeginPeriod(1)";
    offered.jobs = {{"yield", jobs::yield},
                    {"ring", jobs::ring},
                    {"spawn", jobs::spawn},
                    {"fan_out", jobs::fan_out},
                    {"channel", jobs::channel},
                    {"mutex", jobs::mutex},
                    {"park", jobs::park},
                    {"descend", jobs::descend},
                    {"echo", jobs::echo},
                    {"accept", jobs::accept},
                    {"connect", jobs::connect},
                    {"udp_echo", jobs::udp_echo},
                    {"timer_delay", jobs::timer_delay}};
    offered.lacks = "threads have no timers of their own";
    return moor::bench::peers::serve(offered);
}
