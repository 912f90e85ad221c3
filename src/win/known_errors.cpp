// Numbers and meanings: "Windows Sockets Error Codes" and "System Error Codes", Microsoft Learn.
#include "win/known_errors.hpp"

#include <algorithm>

#include "win/windows.hpp"

namespace moor::win {
namespace {

constexpr std::errc none{};

constexpr known_error table[] = {
    {ERROR_FILE_NOT_FOUND, std::errc::no_such_file_or_directory, "no such file"},
    {ERROR_PATH_NOT_FOUND, std::errc::no_such_file_or_directory, "no such path"},
    {ERROR_TOO_MANY_OPEN_FILES, std::errc::too_many_files_open, "too many open files"},
    {ERROR_ACCESS_DENIED, std::errc::permission_denied, "access denied"},
    {ERROR_INVALID_HANDLE, std::errc::not_a_socket, "the handle is not valid"},
    {ERROR_NOT_ENOUGH_MEMORY, std::errc::not_enough_memory, "not enough memory"},
    {ERROR_OUTOFMEMORY, std::errc::not_enough_memory, "out of memory"},
    {ERROR_NOT_SUPPORTED, std::errc::operation_not_supported, "the request is not supported"},
    {ERROR_NETNAME_DELETED, std::errc::connection_reset, "the connection is gone"},
    {ERROR_INVALID_PARAMETER, std::errc::invalid_argument, "a parameter is not valid"},
    {ERROR_BROKEN_PIPE, std::errc::broken_pipe, "the pipe has been ended"},
    {ERROR_SEM_TIMEOUT, std::errc::timed_out, "timed out"},
    {ERROR_NO_DATA, std::errc::broken_pipe, "the pipe is being closed"},
    {ERROR_MORE_DATA, std::errc::message_size, "there is more data than room"},
    {WAIT_TIMEOUT, std::errc::timed_out, "the wait has timed out"},
    {ERROR_INVALID_ADDRESS, std::errc::bad_address, "the address is not valid"},
    {ERROR_OPERATION_ABORTED, std::errc::operation_canceled, "the operation was cancelled"},
    {ERROR_IO_INCOMPLETE, none, "the operation has not completed"},
    {ERROR_IO_PENDING, std::errc::operation_in_progress, "the operation is in progress"},
    {ERROR_CONNECTION_REFUSED, std::errc::connection_refused, "the connection was refused"},
    {ERROR_NETWORK_UNREACHABLE, std::errc::network_unreachable, "the network is not reachable"},
    {ERROR_HOST_UNREACHABLE, std::errc::host_unreachable, "the host is not reachable"},
    // Of a datagram that was sent before; Winsock reports WSAECONNRESET for it.
    {ERROR_PORT_UNREACHABLE, std::errc::connection_reset, "nobody listens at the port"},
    {ERROR_CONNECTION_ABORTED, std::errc::connection_aborted, "the connection was aborted on this side"},
    {ERROR_INCORRECT_ADDRESS, std::errc::address_not_available, "the network address cannot be used here"},
    {ERROR_NO_SYSTEM_RESOURCES, std::errc::no_buffer_space, "the system lacks resources"},
    {ERROR_COMMITMENT_LIMIT, std::errc::not_enough_memory, "the paging file is too small"},

    {WSAEINTR, std::errc::interrupted, "a blocking call was interrupted"},
    {WSAEBADF, std::errc::bad_file_descriptor, "the handle is not valid"},
    {WSAEACCES, std::errc::permission_denied, "not allowed: by permissions, a firewall, or an exclusive address"},
    {WSAEFAULT, std::errc::bad_address, "an address of the caller's is not valid"},
    {WSAEINVAL, std::errc::invalid_argument, "invalid argument"},
    {WSAEMFILE, std::errc::too_many_files_open, "too many open sockets"},
    {WSAEWOULDBLOCK, std::errc::operation_would_block, "would have to wait"},
    {WSAEINPROGRESS, std::errc::operation_in_progress, "a blocking call is in progress"},
    {WSAEALREADY, std::errc::connection_already_in_progress, "an operation is already in progress"},
    {WSAENOTSOCK, std::errc::not_a_socket, "not a socket"},
    {WSAEDESTADDRREQ, std::errc::destination_address_required, "a destination address is required"},
    {WSAEMSGSIZE, std::errc::message_size, "the datagram is too long"},
    {WSAEPROTOTYPE, std::errc::wrong_protocol_type, "the protocol does not go with this kind of socket"},
    {WSAENOPROTOOPT, std::errc::no_protocol_option, "no such option here"},
    {WSAEPROTONOSUPPORT, std::errc::protocol_not_supported, "the protocol is not installed"},
    {WSAESOCKTNOSUPPORT, std::errc::not_supported, "the kind of socket is not supported"},
    {WSAEOPNOTSUPP, std::errc::operation_not_supported, "the socket does not support the operation"},
    {WSAEPFNOSUPPORT, std::errc::address_family_not_supported, "the protocol family is not installed"},
    {WSAEAFNOSUPPORT, std::errc::address_family_not_supported, "the address family is not installed, or another one"},
    {WSAEADDRINUSE, std::errc::address_in_use, "the address and port are in use"},
    {WSAEADDRNOTAVAIL, std::errc::address_not_available, "the address is not one of this machine's, or no destination"},
    {WSAENETDOWN, std::errc::network_down, "the network is down"},
    {WSAENETUNREACH, std::errc::network_unreachable, "no route to the network"},
    {WSAENETRESET, std::errc::network_reset, "the network has given up: no answer to keep-alive, or no hops left"},
    {WSAECONNABORTED, std::errc::connection_aborted, "the connection was aborted on this side"},
    {WSAECONNRESET, std::errc::connection_reset, "the connection was reset by the peer"},
    {WSAENOBUFS, std::errc::no_buffer_space, "no buffer space, or no port is left"},
    {WSAEISCONN, std::errc::already_connected, "already connected"},
    {WSAENOTCONN, std::errc::not_connected, "not connected"},
    {WSAESHUTDOWN, std::errc::broken_pipe, "this side of the connection was shut down"},
    {WSAETOOMANYREFS, none, "too many references to an object of the system"},
    {WSAETIMEDOUT, std::errc::timed_out, "the peer has not answered in time"},
    {WSAECONNREFUSED, std::errc::connection_refused, "the connection was refused"},
    {WSAELOOP, std::errc::too_many_symbolic_link_levels, "the name cannot be translated"},
    {WSAENAMETOOLONG, std::errc::filename_too_long, "the name is too long"},
    {WSAEHOSTDOWN, std::errc::host_unreachable, "the host is down"},
    {WSAEHOSTUNREACH, std::errc::host_unreachable, "no route to the host"},
    {WSAENOTEMPTY, std::errc::directory_not_empty, "the directory is not empty"},
    {WSAEPROCLIM, std::errc::resource_unavailable_try_again, "too many processes use Winsock"},
    {WSAEUSERS, none, "the user quota is exhausted"},
    {WSAEDQUOT, none, "the disk quota is exhausted"},
    {WSAESTALE, none, "the file handle is no longer available"},
    {WSAEREMOTE, none, "the item is not available locally"},
    {WSASYSNOTREADY, std::errc::network_down, "the network subsystem is not ready"},
    {WSAVERNOTSUPPORTED, std::errc::not_supported, "this version of Winsock is not supported"},
    {WSANOTINITIALISED, none, "Winsock was not started"},
    {WSAEDISCON, std::errc::broken_pipe, "the peer has ended the connection"},
    {WSAENOMORE, none, "no more results"},
    {WSAECANCELLED, std::errc::operation_canceled, "the look-up was cancelled"},
    {WSAEINVALIDPROCTABLE, none, "the provider's table of functions is not valid"},
    {WSAEINVALIDPROVIDER, none, "the provider is not valid"},
    {WSAEPROVIDERFAILEDINIT, none, "the provider could not be started"},
    {WSASYSCALLFAILURE, none, "a system call has failed that should never fail"},
    {WSASERVICE_NOT_FOUND, none, "no such service"},
    {WSATYPE_NOT_FOUND, none, "no such class"},
    {WSA_E_NO_MORE, none, "no more results"},
    {WSA_E_CANCELLED, std::errc::operation_canceled, "the look-up was cancelled"},
    {WSAEREFUSED, none, "the look-up was refused"},
    {WSAHOST_NOT_FOUND, none, "no such host"},
    {WSATRY_AGAIN, std::errc::resource_unavailable_try_again, "the name server has not answered; try again"},
    {WSANO_RECOVERY, none, "the name server cannot answer"},
    {WSANO_DATA, none, "the name has no address of that kind"},
    {WSA_QOS_RECEIVERS, none, "at least one reservation has arrived"},
    {WSA_QOS_SENDERS, none, "at least one path has arrived"},
    {WSA_QOS_NO_SENDERS, none, "there are no senders"},
    {WSA_QOS_NO_RECEIVERS, none, "there are no receivers"},
    {WSA_QOS_REQUEST_CONFIRMED, none, "the reservation is confirmed"},
    {WSA_QOS_ADMISSION_FAILURE, none, "quality of service: not enough resources"},
    {WSA_QOS_POLICY_FAILURE, none, "quality of service: refused by policy"},
    {WSA_QOS_BAD_STYLE, none, "quality of service: unknown or conflicting style"},
    {WSA_QOS_BAD_OBJECT, none, "quality of service: a bad object"},
    {WSA_QOS_TRAFFIC_CTRL_ERROR, none, "quality of service: traffic control has failed"},
    {WSA_QOS_GENERIC_ERROR, none, "quality of service: an error"},
    {WSA_QOS_ESERVICETYPE, none, "quality of service: a bad type of service"},
    {WSA_QOS_EFLOWSPEC, none, "quality of service: a bad flow specification"},
    {WSA_QOS_EPROVSPECBUF, none, "quality of service: a bad provider buffer"},
    {WSA_QOS_EFILTERSTYLE, none, "quality of service: a bad style of filter"},
    {WSA_QOS_EFILTERTYPE, none, "quality of service: a bad type of filter"},
    {WSA_QOS_EFILTERCOUNT, none, "quality of service: a bad number of filters"},
    {WSA_QOS_EOBJLENGTH, none, "quality of service: an object of bad length"},
    {WSA_QOS_EFLOWCOUNT, none, "quality of service: a bad number of flows"},
    {WSA_QOS_EUNKOWNPSOBJ, none, "quality of service: an unknown object"},
    {WSA_QOS_EPOLICYOBJ, none, "quality of service: a bad policy object"},
    {WSA_QOS_EFLOWDESC, none, "quality of service: a bad flow descriptor"},
    {WSA_QOS_EPSFLOWSPEC, none, "quality of service: a bad provider flow specification"},
    {WSA_QOS_EPSFILTERSPEC, none, "quality of service: a bad provider filter"},
    {WSA_QOS_ESDMODEOBJ, none, "quality of service: a bad shape discard object"},
    {WSA_QOS_ESHAPERATEOBJ, none, "quality of service: a bad shaping rate object"},
    {WSA_QOS_RESERVED_PETYPE, none, "quality of service: a reserved policy element"},
};

constexpr bool by_number(const known_error& one, const known_error& other) { return one.number < other.number; }

static_assert(std::is_sorted(std::begin(table), std::end(table), by_number));

} // namespace

std::span<const known_error> known_errors() noexcept { return table; }

const known_error* find_known_error(int number) noexcept {
    const known_error wanted{number, none, nullptr};
    const known_error* const found = std::lower_bound(std::begin(table), std::end(table), wanted, by_number);
    return found != std::end(table) && found->number == number ? found : nullptr;
}

} // namespace moor::win
