// The errors that Microsoft's pages (Microsoft Learn, one page a function) list for the calls of the I/O layer. Not
// those that say that the call is pending.
#pragma once

#include <span>

#include "support/adversary.hpp"
#include "win/windows.hpp"

namespace moor::test {

using error_list = std::span<const int>;

/// Of an overlapped call.
[[nodiscard]] error_list documented_errors(adversary::kind which);

/// The status by which the kernel reports that error at the end of a call. Errors that no status of its own stands for
/// have one that the adversary names.
[[nodiscard]] std::int32_t status_of(int error);

// Of the calls that are not overlapped. What a page leaves to GetLastError has the errors that the system is known to
// report there: no memory, no handle of that kind, no such request.
inline constexpr int open_socket_errors[]{
    WSANOTINITIALISED,  WSAENETDOWN,          WSAEAFNOSUPPORT,        WSAEFAULT,         WSAEINPROGRESS,
    WSAEINVAL,          WSAEINVALIDPROCTABLE, WSAEINVALIDPROVIDER,    WSAEMFILE,         WSAENOBUFS,
    WSAEPROTONOSUPPORT, WSAEPROTOTYPE,        WSAEPROVIDERFAILEDINIT, WSAESOCKTNOSUPPORT};
inline constexpr int close_socket_errors[]{WSANOTINITIALISED, WSAENETDOWN, WSAENOTSOCK,
                                           WSAEINPROGRESS,    WSAEINTR,    WSAEWOULDBLOCK};
inline constexpr int bind_errors[]{WSANOTINITIALISED, WSAENETDOWN,    WSAEACCES, WSAEADDRINUSE, WSAEADDRNOTAVAIL,
                                   WSAEFAULT,         WSAEINPROGRESS, WSAEINVAL, WSAENOBUFS,    WSAENOTSOCK};
inline constexpr int listen_errors[]{WSANOTINITIALISED, WSAENETDOWN, WSAEADDRINUSE, WSAEINPROGRESS, WSAEINVAL,
                                     WSAEISCONN,        WSAEMFILE,   WSAENOBUFS,    WSAENOTSOCK,    WSAEOPNOTSUPP};
inline constexpr int connect_errors[]{
    WSANOTINITIALISED, WSAENETDOWN,     WSAEADDRINUSE, WSAEINTR,       WSAEINPROGRESS, WSAEALREADY,    WSAEADDRNOTAVAIL,
    WSAEAFNOSUPPORT,   WSAECONNREFUSED, WSAEFAULT,     WSAEINVAL,      WSAEISCONN,     WSAENETUNREACH, WSAEHOSTUNREACH,
    WSAENOBUFS,        WSAENOTSOCK,     WSAETIMEDOUT,  WSAEWOULDBLOCK, WSAEACCES};
inline constexpr int shutdown_errors[]{WSAECONNABORTED, WSAECONNRESET, WSAEINPROGRESS, WSAEINVAL,
                                       WSAENETDOWN,     WSAENOTCONN,   WSAENOTSOCK,    WSANOTINITIALISED};
inline constexpr int option_errors[]{WSANOTINITIALISED, WSAENETDOWN,    WSAEFAULT,   WSAEINPROGRESS, WSAEINVAL,
                                     WSAENETRESET,      WSAENOPROTOOPT, WSAENOTCONN, WSAENOTSOCK};
// Without WSAENOTCONN and WSAENETRESET: then the connection is dead, and the call waits for the next one.
inline constexpr int accepted_option_errors[]{WSANOTINITIALISED, WSAENETDOWN,    WSAEFAULT,  WSAEINPROGRESS,
                                              WSAEINVAL,         WSAENOPROTOOPT, WSAENOTSOCK};
inline constexpr int name_errors[]{WSANOTINITIALISED, WSAENETDOWN, WSAEFAULT,  WSAEINPROGRESS,
                                   WSAEINVAL,         WSAENOTCONN, WSAENOTSOCK};
inline constexpr int at_hand_errors[]{WSANOTINITIALISED, WSAENETDOWN, WSAEINPROGRESS, WSAENOTSOCK, WSAEFAULT};
inline constexpr int control_errors[]{WSAENETDOWN, WSAEFAULT,     WSAEINVAL,      WSAEINPROGRESS,
                                      WSAENOTSOCK, WSAEOPNOTSUPP, WSAEWOULDBLOCK, WSANOTINITIALISED};
inline constexpr int associate_errors[]{ERROR_INVALID_PARAMETER, ERROR_INVALID_HANDLE, ERROR_NOT_ENOUGH_MEMORY,
                                        ERROR_NO_SYSTEM_RESOURCES};
inline constexpr int skip_errors[]{ERROR_INVALID_PARAMETER, ERROR_INVALID_HANDLE, ERROR_NOT_SUPPORTED};
inline constexpr int wake_shortages[]{ERROR_NOT_ENOUGH_MEMORY, ERROR_NO_SYSTEM_RESOURCES, ERROR_NOT_ENOUGH_QUOTA};
inline constexpr int dequeue_errors[]{WAIT_TIMEOUT, ERROR_ABANDONED_WAIT_0, ERROR_INVALID_HANDLE,
                                      ERROR_NO_SYSTEM_RESOURCES};
inline constexpr int start_up_errors[]{WSASYSNOTREADY, WSAVERNOTSUPPORTED, WSAEINPROGRESS, WSAEPROCLIM, WSAEFAULT};
inline constexpr int provider_errors[]{WSANOTINITIALISED, WSAENETDOWN, WSAEINPROGRESS, WSAEINVAL, WSAEFAULT};
inline constexpr int result_errors[]{WSANOTINITIALISED,     WSAENETDOWN,       WSAENOTSOCK, WSA_INVALID_HANDLE,
                                     WSA_INVALID_PARAMETER, WSA_IO_INCOMPLETE, WSAEFAULT};

} // namespace moor::test
