// See entries.hpp. Winsock's errors are those of Microsoft's pages, in iocp/documented_errors.hpp; of functions whose
// page leaves it to GetLastError, those that the system is known to report there.
#include "door/entries.hpp"

#include <cerrno>

#include "iocp/documented_errors.hpp"

namespace moor::test {
namespace {

using kind = adversary::kind;

constexpr int refusals[]{ERROR_INVALID_HANDLE, ERROR_ACCESS_DENIED, ERROR_INVALID_PARAMETER};
constexpr int cancel_refusals[]{ERROR_INVALID_HANDLE, ERROR_INVALID_PARAMETER};
constexpr int nothing_to_cancel[]{ERROR_NOT_FOUND, ERROR_NOT_ENOUGH_MEMORY, ERROR_NO_SYSTEM_RESOURCES,
                                  ERROR_NOT_ENOUGH_QUOTA};
constexpr int wait_shortages[]{ERROR_NOT_ENOUGH_MEMORY, ERROR_NO_SYSTEM_RESOURCES};
constexpr int clean_up_errors[]{WSANOTINITIALISED, WSAENETDOWN, WSAEINPROGRESS};
constexpr int open_file_errors[]{ERROR_FILE_NOT_FOUND,    ERROR_PATH_NOT_FOUND,      ERROR_TOO_MANY_OPEN_FILES,
                                 ERROR_ACCESS_DENIED,     ERROR_SHARING_VIOLATION,   ERROR_NOT_ENOUGH_MEMORY,
                                 ERROR_INVALID_PARAMETER, ERROR_NO_SYSTEM_RESOURCES, ERROR_INVALID_NAME};
constexpr int read_file_errors[]{ERROR_HANDLE_EOF, ERROR_NOT_ENOUGH_MEMORY, ERROR_INVALID_HANDLE, ERROR_ACCESS_DENIED};
constexpr int file_size_errors[]{ERROR_INVALID_HANDLE, ERROR_ACCESS_DENIED, ERROR_INVALID_FUNCTION};
constexpr int file_type_errors[]{ERROR_INVALID_HANDLE, NO_ERROR}; // a type that the system does not know is no error
constexpr int make_event_errors[]{ERROR_NOT_ENOUGH_MEMORY, ERROR_NO_SYSTEM_RESOURCES, ERROR_NOT_ENOUGH_QUOTA};
constexpr int close_handle_errors[]{ERROR_INVALID_HANDLE};
constexpr int address_errors[]{ERROR_TIMEOUT, ERROR_INVALID_PARAMETER, ERROR_NOT_ENOUGH_MEMORY};
constexpr int yield_errors[]{NO_ERROR}; // nobody else wants the processor
constexpr int start_thread_errors[]{EAGAIN, EINVAL, ENOMEM, EACCES};
constexpr int version_errors[]{static_cast<int>(0xC000000D)}; // STATUS_INVALID_PARAMETER
constexpr int read_memory_errors[]{ERROR_PARTIAL_COPY, ERROR_NOACCESS, ERROR_INVALID_HANDLE, ERROR_ACCESS_DENIED};

} // namespace

const entry_rule& rule_of(entry which) {
    using enum fails_as;
    static const entry_rule rules[entry_count]{
        {"WSARecv", all_ones, documented_errors(kind::receive)},
        {"WSASend", all_ones, documented_errors(kind::send)},
        {"AcceptEx", zero, documented_errors(kind::accept)},
        {"ConnectEx", zero, documented_errors(kind::connect)},
        {"WSARecvFrom", all_ones, documented_errors(kind::receive_from)},
        {"WSASendTo", all_ones, documented_errors(kind::send_to)},
        {"WSARecvMsg", all_ones, documented_errors(kind::receive_message)},
        {"WSASendMsg", all_ones, documented_errors(kind::send_message)},
        {"DisconnectEx", zero, documented_errors(kind::disconnect)},
        {"TransmitFile", zero, documented_errors(kind::send_file)},
        {"WSAGetOverlappedResult", zero, result_errors},
        {"WSAIoctl", all_ones, control_errors},
        {"CancelIoEx", zero, nothing_to_cancel, cancel_refusals},
        {"CreateIoCompletionPort", zero, associate_errors},
        {"SetFileCompletionNotificationModes", zero, skip_errors},
        {"GetQueuedCompletionStatusEx", zero, dequeue_errors},
        {"PostQueuedCompletionStatus", zero, wake_shortages, refusals},
        {"WSAStartup", the_error, start_up_errors},
        {"WSACleanup", all_ones, clean_up_errors, {}, true},
        {"WSAEnumProtocolsW", all_ones, provider_errors},
        {"WSASocketW", all_ones, open_socket_errors},
        {"closesocket", all_ones, close_socket_errors, {}, true},
        {"bind", all_ones, bind_errors},
        {"listen", all_ones, listen_errors},
        {"connect", all_ones, connect_errors},
        {"shutdown", all_ones, shutdown_errors},
        {"setsockopt", all_ones, option_errors},
        {"getsockname", all_ones, name_errors},
        {"getpeername", all_ones, name_errors},
        {"ioctlsocket", all_ones, at_hand_errors},
        {"CreateFileW", all_ones, open_file_errors},
        {"ReadFile", zero, read_file_errors},
        {"GetFileSizeEx", zero, file_size_errors},
        {"GetFileType", zero, file_type_errors},
        {"CreateEventW", zero, make_event_errors},
        {"CloseHandle", zero, close_handle_errors, {}, true},
        {"WaitForSingleObject", all_ones, wait_shortages, refusals},
        {"SetEvent", zero, wake_shortages, refusals},
        {"WaitOnAddress", zero, address_errors},
        {"WakeByAddressSingle", not_at_all, {}},
        {"WakeByAddressAll", not_at_all, {}},
        {"QueueUserAPC", zero, wake_shortages, refusals},
        {"Sleep", not_at_all, {}},
        {"SwitchToThread", zero, yield_errors},
        {"_beginthreadex", zero, start_thread_errors},
        {"RtlGetVersion", the_error, version_errors},
        {"ReadProcessMemory", zero, read_memory_errors},
    };
    return rules[static_cast<std::size_t>(which)];
}

} // namespace moor::test
