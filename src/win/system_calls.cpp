// The one file that names these functions of the system; see system_calls.hpp. Each entry of the real table is a
// function of the library's own that hands its arguments on: the addresses of functions in DLLs are no constants, and
// the table is one, so that it needs no initialiser and no guard.
#include "win/system_calls.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <deque>
#include <mutex>

#include <process.h>

#include "win/socket.hpp"
#include "win/system_lock.hpp"

// ntdll's; no header for programs declares it. Unlike GetVersionEx it needs no manifest to tell the truth.
extern "C" __declspec(dllimport) LONG __stdcall RtlGetVersion(RTL_OSVERSIONINFOW* information);

namespace moor::win {
namespace {

// ---- Winsock's extension functions -------------------------------------------------------------------------------

// Null: no provider has it.
struct extension_functions {
    LPFN_ACCEPTEX accept = nullptr;
    LPFN_CONNECTEX connect = nullptr;
    LPFN_DISCONNECTEX disconnect = nullptr;
    LPFN_TRANSMITFILE send_file = nullptr;
    LPFN_WSARECVMSG receive_message = nullptr;
    LPFN_WSASENDMSG send_message = nullptr;
};

// Asks the socket's provider for it, unless `function` is known already; leaves it alone when there is none. The ioctl
// is not overlapped.
template <class Function>
void fetch(const unique_socket& socket, GUID id, Function& function) noexcept {
    if (function != nullptr) {
        return;
    }
    Function found = nullptr;
    DWORD bytes = 0;
    if (system().control(socket.get(), SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, static_cast<void*>(&found),
                         sizeof found, &bytes, nullptr, nullptr) == 0) {
        function = found;
    }
}

extension_functions fetch_all() noexcept {
    extension_functions found;
    // A host may lack either family ("netsh interface ipv4 uninstall"). One provider serves both, so what the first
    // one gave is not asked for again.
    for (const int family : {AF_INET, AF_INET6}) {
        if (const auto probe = unique_socket::open(family, SOCK_STREAM, IPPROTO_TCP)) {
            fetch(probe, WSAID_ACCEPTEX, found.accept);
            fetch(probe, WSAID_CONNECTEX, found.connect);
            fetch(probe, WSAID_DISCONNECTEX, found.disconnect);
            fetch(probe, WSAID_TRANSMITFILE, found.send_file);
        }
        if (const auto probe = unique_socket::open(family, SOCK_DGRAM, IPPROTO_UDP)) {
            fetch(probe, WSAID_WSARECVMSG, found.receive_message);
            fetch(probe, WSAID_WSASENDMSG, found.send_message);
        }
    }
    return found;
}

// Winsock is started when the first of them is called: there is a socket.
const extension_functions& extensions() noexcept {
    static const extension_functions found = fetch_all();
    return found;
}

// `Failure` is what such a function returns when it fails.
template <auto Function, auto Failure>
constexpr auto extension = [](auto... given) {
    const auto function = extensions().*Function;
    if (function == nullptr) {
        ::WSASetLastError(WSAEOPNOTSUPP);
        return Failure;
    }
    return function(given...);
};

// ---- Replacing ---------------------------------------------------------------------------------------------------

// The table is nothing but pointers to functions.
using entries = std::array<void (*)(), sizeof(system_calls) / sizeof(void (*)())>;

system_calls completed(const system_calls& given, const system_calls& others) noexcept {
    auto wanted = std::bit_cast<entries>(given);
    const auto rest = std::bit_cast<entries>(others);
    for (std::size_t index = 0; index < wanted.size(); ++index) {
        if (wanted[index] == nullptr) {
            wanted[index] = rest[index];
        }
    }
    return std::bit_cast<system_calls>(wanted);
}

const system_calls& keep(const system_calls& table) {
    static constinit system_lock lock;
    static std::deque<system_calls> kept; // guarded by it
    const std::lock_guard guard(lock);
    // Whoever replaces the same functions again and again does not gather copies of the same table.
    const auto found =
        std::find_if(kept.begin(), kept.end(), [wanted = std::bit_cast<entries>(table)](const auto& each) {
            return std::bit_cast<entries>(each) == wanted;
        });
    return found != kept.end() ? *found : kept.emplace_back(table);
}

} // namespace

constinit const system_calls real_system_calls{
    .receive = [](auto... given) { return ::WSARecv(given...); },
    .send = [](auto... given) { return ::WSASend(given...); },
    .accept = extension<&extension_functions::accept, FALSE>,
    .connect = extension<&extension_functions::connect, FALSE>,
    .receive_from = [](auto... given) { return ::WSARecvFrom(given...); },
    .send_to = [](auto... given) { return ::WSASendTo(given...); },
    .receive_message = extension<&extension_functions::receive_message, SOCKET_ERROR>,
    .send_message = extension<&extension_functions::send_message, SOCKET_ERROR>,
    .disconnect = extension<&extension_functions::disconnect, FALSE>,
    .send_file = extension<&extension_functions::send_file, FALSE>,
    .result = [](auto... given) { return ::WSAGetOverlappedResult(given...); },
    .control = [](auto... given) { return ::WSAIoctl(given...); },
    .cancel = [](auto... given) { return ::CancelIoEx(given...); },

    .associate = [](auto... given) { return ::CreateIoCompletionPort(given...); },
    .skip_packets = [](auto... given) { return ::SetFileCompletionNotificationModes(given...); },
    .dequeue = [](auto... given) { return ::GetQueuedCompletionStatusEx(given...); },
    .post = [](auto... given) { return ::PostQueuedCompletionStatus(given...); },

    .start_up = [](auto... given) { return ::WSAStartup(given...); },
    .clean_up = [] { return ::WSACleanup(); },
    .list_providers = [](auto... given) { return ::WSAEnumProtocolsW(given...); },
    .open_socket = [](auto... given) { return ::WSASocketW(given...); },
    .close_socket = [](auto... given) { return ::closesocket(given...); },
    .bind = [](auto... given) { return ::bind(given...); },
    .listen = [](auto... given) { return ::listen(given...); },
    .set_peer = [](auto... given) { return ::connect(given...); },
    .shut_down = [](auto... given) { return ::shutdown(given...); },
    .set_option = [](auto... given) { return ::setsockopt(given...); },
    .local_name = [](auto... given) { return ::getsockname(given...); },
    .peer_name = [](auto... given) { return ::getpeername(given...); },
    .bytes_at_hand = [](auto... given) { return ::ioctlsocket(given...); },

    .open_file = [](auto... given) { return ::CreateFileW(given...); },
    .read_file = [](auto... given) { return ::ReadFile(given...); },
    .file_size = [](auto... given) { return ::GetFileSizeEx(given...); },
    .file_type = [](auto... given) { return ::GetFileType(given...); },
    .make_event = [](auto... given) { return ::CreateEventW(given...); },
    .close_handle = [](auto... given) { return ::CloseHandle(given...); },

    .wait_for = [](auto... given) { return ::WaitForSingleObject(given...); },
    .set_event = [](auto... given) { return ::SetEvent(given...); },
    .wait_on_address = [](auto... given) { return ::WaitOnAddress(given...); },
    .wake_one_by_address = [](auto... given) { ::WakeByAddressSingle(given...); },
    .wake_all_by_address = [](auto... given) { ::WakeByAddressAll(given...); },
    .queue_apc = [](auto... given) { return ::QueueUserAPC(given...); },
    .sleep = [](auto... given) { ::Sleep(given...); },
    .yield_thread = [] { return ::SwitchToThread(); },
    .start_thread = [](auto... given) { return ::_beginthreadex(given...); },

    .version = [](auto... given) { return ::RtlGetVersion(given...); },
    .read_memory = [](auto... given) { return ::ReadProcessMemory(given...); },
};

replaced_system_calls::replaced_system_calls(const system_calls& wanted) : before_(system()) {
    system_calls_in_use.store(&keep(completed(wanted, before_)), std::memory_order_release);
}

replaced_system_calls::~replaced_system_calls() { system_calls_in_use.store(&before_, std::memory_order_release); }

} // namespace moor::win
