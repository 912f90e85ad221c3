// See documented_errors.hpp.
#include "iocp/documented_errors.hpp"

namespace moor::test {
namespace {

constexpr int receive_errors[]{WSAECONNABORTED, WSAECONNRESET,     WSAEDISCON,           WSAEFAULT,    WSAEINPROGRESS,
                               WSAEINTR,        WSAEINVAL,         WSAEMSGSIZE,          WSAENETDOWN,  WSAENETRESET,
                               WSAENOTCONN,     WSAENOTSOCK,       WSAEOPNOTSUPP,        WSAESHUTDOWN, WSAETIMEDOUT,
                               WSAEWOULDBLOCK,  WSANOTINITIALISED, WSA_OPERATION_ABORTED};
constexpr int send_errors[]{WSAECONNABORTED, WSAECONNRESET,  WSAEFAULT,         WSAEINTR,
                            WSAEINPROGRESS,  WSAEINVAL,      WSAENETDOWN,       WSAENETRESET,
                            WSAENOBUFS,      WSAENOTCONN,    WSAENOTSOCK,       WSAEOPNOTSUPP,
                            WSAESHUTDOWN,    WSAEWOULDBLOCK, WSANOTINITIALISED, WSA_OPERATION_ABORTED};
constexpr int receive_from_errors[]{WSAECONNRESET, WSAEFAULT,      WSAEINPROGRESS,    WSAEINTR,
                                    WSAEINVAL,     WSAEMSGSIZE,    WSAENETDOWN,       WSAENETRESET,
                                    WSAENOTCONN,   WSAEWOULDBLOCK, WSANOTINITIALISED, WSA_OPERATION_ABORTED};
constexpr int send_to_errors[]{WSAEACCES,       WSAEADDRNOTAVAIL,  WSAEAFNOSUPPORT,
                               WSAECONNRESET,   WSAEDESTADDRREQ,   WSAEFAULT,
                               WSAEHOSTUNREACH, WSAEINPROGRESS,    WSAEINTR,
                               WSAEINVAL,       WSAEMSGSIZE,       WSAENETDOWN,
                               WSAENETRESET,    WSAENETUNREACH,    WSAENOBUFS,
                               WSAENOTCONN,     WSAENOTSOCK,       WSAESHUTDOWN,
                               WSAEWOULDBLOCK,  WSANOTINITIALISED, WSA_OPERATION_ABORTED};
constexpr int receive_message_errors[]{WSAECONNRESET,     WSAEFAULT,
                                       WSAEINPROGRESS,    WSAEINTR,
                                       WSAEINVAL,         WSAEMSGSIZE,
                                       WSAENETDOWN,       WSAENETRESET,
                                       WSAENOTCONN,       WSAETIMEDOUT,
                                       WSAEOPNOTSUPP,     WSAEWOULDBLOCK,
                                       WSANOTINITIALISED, WSA_OPERATION_ABORTED};
constexpr int send_message_errors[]{
    WSAEACCES,         WSAEADDRNOTAVAIL,     WSAEAFNOSUPPORT, WSAECONNRESET,  WSAEDESTADDRREQ,
    WSAEFAULT,         WSAEHOSTUNREACH,      WSAEINPROGRESS,  WSAEINTR,       WSAEINVAL,
    WSAEMSGSIZE,       WSAENETDOWN,          WSAENETRESET,    WSAENETUNREACH, WSAENOBUFS,
    WSAENOTCONN,       WSAENOTSOCK,          WSAESHUTDOWN,    WSAETIMEDOUT,   WSAEWOULDBLOCK,
    WSANOTINITIALISED, WSA_OPERATION_ABORTED};
// AcceptEx has one of its own; the others are accept's.
constexpr int accept_errors[]{
    WSAECONNRESET, WSANOTINITIALISED, WSAEFAULT,   WSAEINTR,      WSAEINVAL,      WSAEINPROGRESS,       WSAEMFILE,
    WSAENETDOWN,   WSAENOBUFS,        WSAENOTSOCK, WSAEOPNOTSUPP, WSAEWOULDBLOCK, WSA_OPERATION_ABORTED};
constexpr int connect_ex_errors[]{WSANOTINITIALISED, WSAENETDOWN,     WSAEADDRINUSE,   WSAEALREADY,
                                  WSAEADDRNOTAVAIL,  WSAEAFNOSUPPORT, WSAECONNREFUSED, WSAEFAULT,
                                  WSAEINVAL,         WSAEISCONN,      WSAENETUNREACH,  WSAEHOSTUNREACH,
                                  WSAENOBUFS,        WSAENOTSOCK,     WSAETIMEDOUT,    WSA_OPERATION_ABORTED};
constexpr int disconnect_errors[]{WSAEFAULT, WSAEINVAL, WSAENOTCONN, WSA_OPERATION_ABORTED};
constexpr int send_file_errors[]{WSAECONNABORTED, WSAECONNRESET, WSAEFAULT,         WSAEINVAL,
                                 WSAENETDOWN,     WSAENETRESET,  WSAENOBUFS,        WSAENOTCONN,
                                 WSAENOTSOCK,     WSAESHUTDOWN,  WSANOTINITIALISED, WSA_OPERATION_ABORTED};

} // namespace

error_list documented_errors(adversary::kind which) {
    switch (which) {
    case adversary::kind::receive: return receive_errors;
    case adversary::kind::send: return send_errors;
    case adversary::kind::receive_from: return receive_from_errors;
    case adversary::kind::send_to: return send_to_errors;
    case adversary::kind::receive_message: return receive_message_errors;
    case adversary::kind::send_message: return send_message_errors;
    case adversary::kind::accept: return accept_errors;
    case adversary::kind::connect: return connect_ex_errors;
    case adversary::kind::disconnect: return disconnect_errors;
    case adversary::kind::send_file: return send_file_errors;
    case adversary::kind::users: return {}; // whatever the user says
    }
    return {};
}

std::int32_t status_of(int error) {
    switch (error) {
    case WSAECONNRESET: return static_cast<std::int32_t>(0xC000020D);         // STATUS_CONNECTION_RESET
    case WSAECONNABORTED: return static_cast<std::int32_t>(0xC0000241);       // STATUS_CONNECTION_ABORTED
    case WSAECONNREFUSED: return static_cast<std::int32_t>(0xC0000236);       // STATUS_CONNECTION_REFUSED
    case WSAETIMEDOUT: return static_cast<std::int32_t>(0xC00000B5);          // STATUS_IO_TIMEOUT
    case WSAENETUNREACH: return static_cast<std::int32_t>(0xC000023C);        // STATUS_NETWORK_UNREACHABLE
    case WSAEHOSTUNREACH: return static_cast<std::int32_t>(0xC000023D);       // STATUS_HOST_UNREACHABLE
    case WSAENOBUFS: return static_cast<std::int32_t>(0xC000009A);            // STATUS_INSUFFICIENT_RESOURCES
    case WSAEMSGSIZE: return static_cast<std::int32_t>(0x80000005);           // STATUS_BUFFER_OVERFLOW
    case WSA_OPERATION_ABORTED: return static_cast<std::int32_t>(0xC0000120); // STATUS_CANCELLED
    default: return scripted_end::status_named(error);
    }
}

} // namespace moor::test
