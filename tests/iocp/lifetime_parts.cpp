// See lifetime_parts.hpp.
#include "iocp/lifetime_parts.hpp"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <moor/error.hpp>

#include "win/error.hpp"

namespace moor::test {
namespace {

std::string text_of(const std::error_code& error) { return error ? error.message() : "no error"; }

} // namespace

// ---- Counting ----------------------------------------------------------------------------------------------------

std::uint64_t cell_counts::print() const {
    std::string text = fmt::format("{:24}", "");
    for (const char* const name : event_names) {
        text += fmt::format("{:>12}", name);
    }
    text += '\n';
    std::uint64_t all = 0;
    std::uint64_t least = ~std::uint64_t{0};
    for (std::size_t when = 0; when < stages.size(); ++when) {
        text += fmt::format("{:24}", stage_names[when]);
        for (std::size_t what = 0; what < events.size(); ++what) {
            std::uint64_t sum = 0;
            for (const auto& call : counts_) {
                sum += call[when][what];
                least = std::min(least, call[when][what]);
            }
            all += sum;
            text += fmt::format("{:12}", sum);
        }
        text += '\n';
    }
    std::printf("%s%llu schedules of %zu calls in %zu cells, the rarest with %llu\n", text.c_str(), all, counts_.size(),
                counts_.size() * stages.size() * events.size(), least);
    return all;
}

std::string cell_counts::never_reached() const {
    std::string text;
    for (std::size_t call = 0; call < counts_.size(); ++call) {
        for (std::size_t when = 0; when < stages.size(); ++when) {
            for (std::size_t what = 0; what < events.size(); ++what) {
                if (counts_[call][when][what] == 0) {
                    text += fmt::format("{}, {}, {}\n", every_call()[call].name, stage_names[when], event_names[what]);
                }
            }
        }
    }
    return text;
}

// ---- One call ----------------------------------------------------------------------------------------------------

socket_owner make_socket(bool takes_datagrams) {
    auto socket = takes_datagrams ? win::unique_socket::open(AF_INET, SOCK_DGRAM, IPPROTO_UDP)
                                  : win::unique_socket::open(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    return socket_owner(new any_socket(std::move(socket)));
}

const overlapped_call& any_call(std::mt19937& random) { return every_call()[random() % every_call().size()]; }

std::error_code connection_reset() { return {WSAECONNRESET, winsock_category()}; }

std::error_code expected_error(std::int32_t status, event what) {
    if (status == status_success) {
        return {};
    }
    if (what == event::close || (status == status_cancelled && what != event::time_out)) {
        return win::to_error(std::errc::operation_canceled);
    }
    return status == status_cancelled ? win::to_error(std::errc::timed_out) : connection_reset();
}

void expect_end(const called& ended, const std::error_code& wanted, stage when, event what) {
    EXPECT_TRUE(ended.error == wanted || ended.error.default_error_condition() == wanted.default_error_condition())
        << ended.call->name << ", " << stage_names[static_cast<unsigned>(when)] << ", "
        << event_names[static_cast<unsigned>(what)] << ": " << text_of(ended.error) << " instead of "
        << text_of(wanted);
    EXPECT_EQ(ended.bytes, wanted ? 0 : ended.call->bytes) << ended.call->name;
    EXPECT_TRUE(ended.intact) << ended.call->name;
}

} // namespace moor::test
