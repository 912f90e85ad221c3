// See faults.hpp.
#include "iocp/faults.hpp"

#include <array>
#include <atomic>
#include <cstddef>

#include "support/imports.hpp"
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

// What stands in for one imported function: `Failure` is what it returns when it fails.
template <imported Which, class Function, auto Failure>
struct stand_in;

template <imported Which, class Result, class... Arguments, auto Failure>
struct stand_in<Which, Result (*)(Arguments...), Failure> {
    static Result call(Arguments... arguments) {
        return take(Which) ? static_cast<Result>(Failure) : real(arguments...);
    }
    static inline Result (*real)(Arguments...) = nullptr;
};

template <class StandIn>
void install(const char* name) {
    using function = decltype(StandIn::real);
    StandIn::real = reinterpret_cast<function>(*import_place(name));
    replace_import(name, reinterpret_cast<void*>(&StandIn::call));
}

// Those that look at their arguments.
SOCKET(WSAAPI* real_open)(int, int, int, WSAPROTOCOL_INFOW*, GROUP, DWORD);
int(WSAAPI* real_close)(SOCKET);
int(WSAAPI* real_set_option)(SOCKET, int, int, const char*, int);
int(WSAAPI* real_control)(SOCKET, DWORD, void*, DWORD, void*, DWORD, DWORD*, WSAOVERLAPPED*,
                          LPWSAOVERLAPPED_COMPLETION_ROUTINE);

SOCKET WSAAPI open_one(int family, int type, int protocol, WSAPROTOCOL_INFOW* information, GROUP group, DWORD flags) {
    if (take(imported::open_socket, family)) {
        return INVALID_SOCKET;
    }
    const SOCKET opened = real_open(family, type, protocol, information, group, flags);
    sockets.fetch_add(opened != INVALID_SOCKET ? 1 : 0);
    return opened;
}

int WSAAPI close_one(SOCKET socket) {
    const int result = real_close(socket);
    sockets.fetch_sub(result == 0 ? 1 : 0);
    return take(imported::close_socket) ? SOCKET_ERROR : result;
}

int(WSAAPI* real_start_up)(WORD, WSADATA*);

int WSAAPI start_up(WORD version, WSADATA* data) {
    return take(imported::start_up) ? static_cast<int>(::GetLastError()) : real_start_up(version, data);
}

int WSAAPI set_option(SOCKET socket, int level, int option, const char* value, int size) {
    return take(imported::set_option, option) ? SOCKET_ERROR : real_set_option(socket, level, option, value, size);
}

int WSAAPI control(SOCKET socket, DWORD code, void* in, DWORD in_size, void* out, DWORD out_size, DWORD* bytes,
                   WSAOVERLAPPED* overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    return take(imported::control, static_cast<int>(code))
               ? SOCKET_ERROR
               : real_control(socket, code, in, in_size, out, out_size, bytes, overlapped, routine);
}

// Some calls are made on newer systems only than Wine 8 says that it is.
LONG WINAPI version_22h2(RTL_OSVERSIONINFOW* information) {
    information->dwMajorVersion = 10;
    information->dwBuildNumber = 19045;
    return 0;
}

template <class Function>
void install(const char* name, Function& real, Function stand_in) {
    real = reinterpret_cast<Function>(replace_import(name, reinterpret_cast<void*>(stand_in)));
}

void install_all() {
    static const bool installed = [] {
        real_open = reinterpret_cast<decltype(real_open)>(*import_place("WSASocketW"));
        real_close = reinterpret_cast<decltype(real_close)>(*import_place("closesocket"));
        install("WSASocketW", real_open, &open_one);
        install("closesocket", real_close, &close_one);
        install("setsockopt", real_set_option, &set_option);
        install("WSAIoctl", real_control, &control);
        install("WSAStartup", real_start_up, &start_up);
        replace_import("RtlGetVersion", reinterpret_cast<void*>(&version_22h2));
        install<stand_in<imported::bind, decltype(&::bind), SOCKET_ERROR>>("bind");
        install<stand_in<imported::listen, decltype(&::listen), SOCKET_ERROR>>("listen");
        install<stand_in<imported::connect, decltype(&::connect), SOCKET_ERROR>>("connect");
        install<stand_in<imported::shut_down, decltype(&::shutdown), SOCKET_ERROR>>("shutdown");
        install<stand_in<imported::local_name, decltype(&::getsockname), SOCKET_ERROR>>("getsockname");
        install<stand_in<imported::peer_name, decltype(&::getpeername), SOCKET_ERROR>>("getpeername");
        install<stand_in<imported::bytes_at_hand, decltype(&::ioctlsocket), SOCKET_ERROR>>("ioctlsocket");
        install<stand_in<imported::associate, decltype(&::CreateIoCompletionPort), nullptr>>("CreateIoCompletionPort");
        install<stand_in<imported::skip_packets, decltype(&::SetFileCompletionNotificationModes), FALSE>>(
            "SetFileCompletionNotificationModes");
        install<stand_in<imported::post, decltype(&::PostQueuedCompletionStatus), FALSE>>("PostQueuedCompletionStatus");
        install<stand_in<imported::dequeue, decltype(&::GetQueuedCompletionStatusEx), FALSE>>(
            "GetQueuedCompletionStatusEx");
        install<stand_in<imported::queue_apc, decltype(&::QueueUserAPC), FALSE>>("QueueUserAPC");
        install<stand_in<imported::set_event, decltype(&::SetEvent), FALSE>>("SetEvent");
        install<stand_in<imported::list_providers, decltype(&::WSAEnumProtocolsW), SOCKET_ERROR>>("WSAEnumProtocolsW");
        return true;
    }();
    static_cast<void>(installed);
}

} // namespace

void arm_fault(imported which, std::uint32_t error, unsigned passed, unsigned times, int option) {
    install_all();
    fault& wanted = fault_of(which);
    wanted.error.store(error);
    wanted.passed.store(passed);
    wanted.option.store(option);
    wanted.times.store(times);
}

unsigned disarm_fault(imported which) { return fault_of(which).times.exchange(0); }

long open_sockets() {
    install_all();
    return sockets.load();
}

} // namespace moor::test
