// Winsock's start-up, and whether all providers have real file handles: only then may a call that succeeds at once skip
// its packet.
#include "win/socket.hpp"

#include <vector>

#include "win/error.hpp"
#include "win/system_calls.hpp"

namespace moor::win {

winsock_session::winsock_session() {
    WSADATA data;
    if (const int error = system().start_up(MAKEWORD(2, 2), &data); error != 0) {
        throw std::system_error(to_error(static_cast<std::uint32_t>(error)), "moor: WSAStartup");
    }
}

winsock_session::~winsock_session() { system().clean_up(); }

bool every_provider_has_file_handles() noexcept {
    static const bool answer = []() noexcept {
        int protocols[] = {IPPROTO_TCP, IPPROTO_UDP, 0};
        DWORD bytes = 0;
        system().list_providers(protocols, nullptr, &bytes);
        try {
            std::vector<WSAPROTOCOL_INFOW> providers(bytes / sizeof(WSAPROTOCOL_INFOW) + 1);
            bytes = static_cast<DWORD>(providers.size() * sizeof(WSAPROTOCOL_INFOW));
            const int count = system().list_providers(protocols, providers.data(), &bytes);
            for (int index = 0; index < count; ++index) {
                if ((providers[static_cast<std::size_t>(index)].dwServiceFlags1 & XP1_IFS_HANDLES) == 0) {
                    return false;
                }
            }
            return count > 0;
        } catch (const std::bad_alloc&) {
            return false; // packets for every operation: slower, never wrong
        }
    }();
    return answer;
}

} // namespace moor::win
