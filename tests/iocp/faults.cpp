// See faults.hpp.
#include "iocp/faults.hpp"

#include <array>
#include <atomic>
#include <cstddef>

#include "win/system_calls.hpp"
#include "win/windows.hpp"

namespace moor::test {
namespace {

struct fault {
    std::atomic<unsigned> passed{0};
    std::atomic<unsigned> times{0};
    std::atomic<std::uint32_t> error{0};
    std::atomic<int> option{any_option};
};

std::array<fault, static_cast<std::size_t>(imported::how_many)> faults;
std::atomic<long> sockets{0};

fault& fault_of(imported which) { return faults[static_cast<std::size_t>(which)]; }

// Whether this call fails; sets the thread's last error if so.
bool take(imported which, int option = any_option) {
    fault& wanted = fault_of(which);
    const int only = wanted.option.load();
    if (wanted.times.load() == 0 || (only != any_option && only != option)) {
        return false;
    }
    if (unsigned left = wanted.passed.load(); left != 0) {
        wanted.passed.store(left - 1);
        return false;
    }
    wanted.times.fetch_sub(1);
    ::SetLastError(wanted.error.load());
    return true;
}

// What stands in for an entry of the table: `Failure` is what it returns when it fails.
template <imported Which, auto Entry, auto Failure>
constexpr auto failing = [](auto... given) {
    using result = decltype((win::real_system_calls.*Entry)(given...));
    return take(Which) ? static_cast<result>(Failure) : (win::real_system_calls.*Entry)(given...);
};

// Those that look at their arguments.
SOCKET WSAAPI open_one(int family, int type, int protocol, WSAPROTOCOL_INFOW* information, GROUP group, DWORD flags) {
    if (take(imported::open_socket, family)) {
        return INVALID_SOCKET;
    }
    const SOCKET opened = win::real_system_calls.open_socket(family, type, protocol, information, group, flags);
    sockets.fetch_add(opened != INVALID_SOCKET ? 1 : 0);
    return opened;
}

int WSAAPI close_one(SOCKET socket) {
    const int result = win::real_system_calls.close_socket(socket);
    sockets.fetch_sub(result == 0 ? 1 : 0);
    return take(imported::close_socket) ? SOCKET_ERROR : result;
}

int WSAAPI start_up(WORD version, WSADATA* data) {
    return take(imported::start_up) ? static_cast<int>(::GetLastError())
                                    : win::real_system_calls.start_up(version, data);
}

int WSAAPI set_option(SOCKET socket, int level, int option, const char* value, int size) {
    return take(imported::set_option, option) ? SOCKET_ERROR
                                              : win::real_system_calls.set_option(socket, level, option, value, size);
}

int WSAAPI control(SOCKET socket, DWORD code, void* in, DWORD in_size, void* out, DWORD out_size, DWORD* bytes,
                   OVERLAPPED* overlapped, win::system_calls::completion_routine routine) {
    return take(imported::control, static_cast<int>(code))
               ? SOCKET_ERROR
               : win::real_system_calls.control(socket, code, in, in_size, out, out_size, bytes, overlapped, routine);
}

// Some calls are made on newer systems only than Wine 8 says that it is.
LONG WINAPI version_22h2(RTL_OSVERSIONINFOW* information) {
    information->dwMajorVersion = 10;
    information->dwBuildNumber = 19045;
    return 0;
}

using table = win::system_calls;

// For as long as the program runs; all replacements of the tests come above it.
const win::replaced_system_calls installed({
    .control = &control,
    .associate = failing<imported::associate, &table::associate, nullptr>,
    .skip_packets = failing<imported::skip_packets, &table::skip_packets, FALSE>,
    .dequeue = failing<imported::dequeue, &table::dequeue, FALSE>,
    .post = failing<imported::post, &table::post, FALSE>,
    .start_up = &start_up,
    .list_providers = failing<imported::list_providers, &table::list_providers, SOCKET_ERROR>,
    .open_socket = &open_one,
    .close_socket = &close_one,
    .bind = failing<imported::bind, &table::bind, SOCKET_ERROR>,
    .listen = failing<imported::listen, &table::listen, SOCKET_ERROR>,
    .set_peer = failing<imported::connect, &table::set_peer, SOCKET_ERROR>,
    .shut_down = failing<imported::shut_down, &table::shut_down, SOCKET_ERROR>,
    .set_option = &set_option,
    .local_name = failing<imported::local_name, &table::local_name, SOCKET_ERROR>,
    .peer_name = failing<imported::peer_name, &table::peer_name, SOCKET_ERROR>,
    .bytes_at_hand = failing<imported::bytes_at_hand, &table::bytes_at_hand, SOCKET_ERROR>,
    .set_event = failing<imported::set_event, &table::set_event, FALSE>,
    .queue_apc = failing<imported::queue_apc, &table::queue_apc, FALSE>,
    .version = &version_22h2,
});

} // namespace

void arm_fault(imported which, std::uint32_t error, unsigned passed, unsigned times, int option) {
    fault& wanted = fault_of(which);
    wanted.error.store(error);
    wanted.passed.store(passed);
    wanted.option.store(option);
    wanted.times.store(times);
}

unsigned disarm_fault(imported which) { return fault_of(which).times.exchange(0); }

long open_sockets() { return sockets.load(); }

} // namespace moor::test
