// See socket_error.hpp.
#include "net/socket_error.hpp"

#include "win/windows.hpp"

namespace moor::net {

std::uint32_t to_socket_error(std::uint32_t error) noexcept {
    switch (error) {
    case ERROR_NETNAME_DELETED: return WSAECONNRESET;
    case ERROR_CONNECTION_REFUSED: return WSAECONNREFUSED;
    case ERROR_CONNECTION_ABORTED: return WSAECONNABORTED;
    case ERROR_SEM_TIMEOUT: return WSAETIMEDOUT;
    case ERROR_NETWORK_UNREACHABLE: return WSAENETUNREACH;
    case ERROR_HOST_UNREACHABLE: return WSAEHOSTUNREACH;
    case ERROR_PROTOCOL_UNREACHABLE: return WSAENETUNREACH;
    case ERROR_PORT_UNREACHABLE: return WSAECONNRESET;
    case ERROR_MORE_DATA: return WSAEMSGSIZE;
    case ERROR_CONNECTION_INVALID: return WSAENOTCONN;
    case ERROR_GRACEFUL_DISCONNECT: return WSAECONNABORTED;
    case ERROR_ADDRESS_ALREADY_ASSOCIATED: return WSAEADDRINUSE;
    case ERROR_INCORRECT_ADDRESS: return WSAEADDRNOTAVAIL;
    case ERROR_NO_SYSTEM_RESOURCES: return WSAENOBUFS;
    case ERROR_TOO_MANY_OPEN_FILES: return WSAEMFILE;
    case ERROR_INVALID_HANDLE: return WSAENOTSOCK;
    default: return error;
    }
}

bool is_dead_connection(std::uint32_t error) noexcept {
    const std::uint32_t number = to_socket_error(error);
    return number == WSAECONNRESET || number == WSAECONNABORTED || number == WSAENOTCONN;
}

} // namespace moor::net
