// The categories of what moor itself reports; see moor/error.hpp and win/error.hpp. Apart from error.cpp because it
// needs nothing of Windows: pure code that is tested on the host links it.
#include <string>

#include <moor/error.hpp>

#include "win/error.hpp"

namespace moor {
namespace {

using win::misuse;

struct misuse_text {
    std::errc portable;
    const char* text;
};

misuse_text explain(misuse what) noexcept {
    using enum misuse;
    switch (what) {
    case outside_coroutine:
        return {std::errc::operation_not_permitted, "not on a coroutine; call it from runtime::run, or from what "
                                                    "runtime::spawn or moor::spawn has started"};
    case foreign_runtime:
        return {std::errc::operation_not_permitted,
                "it belongs to another runtime; call it on a coroutine of the runtime that made it"};
    case runtime_has_ended:
        return {std::errc::operation_not_permitted, "the runtime was shut down and starts no coroutine any more"};
    case lock_not_owned: return {std::errc::operation_not_permitted, "the lock does not own its mutex; lock it first"};
    case no_exception_room:
        return {std::errc::operation_not_permitted,
                "a movable coroutine lives whose stack has no room for an exception; "
                "set runtime_options::exception_room"};
    case process_ends: return {std::errc::operation_not_permitted, "the process is ending"};
    case outstanding_accepts: return {std::errc::invalid_argument, "outstanding_accepts is not within 1 and 4096"};
    case no_endpoint: return {std::errc::invalid_argument, "no endpoint was given"};
    case too_many_buffers: return {std::errc::invalid_argument, "one datagram takes 16 buffers that are not empty"};
    case source_of_another_family:
        return {std::errc::invalid_argument, "message_options::source is of another family than the destination"};
    case group_of_another_family:
        return {std::errc::invalid_argument, "the group is of another family than the socket"};
    case interface_of_another_family:
        return {std::errc::invalid_argument,
                "name the interface by its index for IPv6; for IPv4 by an index below 2^24, or "
                "by one of its addresses"};
    case result_is_taken:
        return {std::errc::invalid_argument, "another call of join has taken the result of this coroutine"};
    case no_coroutine: return {std::errc::invalid_argument, "the handle holds no coroutine"};
    case no_channel: return {std::errc::invalid_argument, "the handle has no channel"};
    case end: break;
    }
    return {};
}

class moor_error_category final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "moor"; }

    [[nodiscard]] std::string message(int code) const override {
        if (const char* const text = explain(static_cast<misuse>(code)).text) {
            return text;
        }
        // An int is the underlying type of std::errc, so each is a value of it.
        // NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange)
        switch (static_cast<std::errc>(code)) {
        case std::errc::timed_out: return "timed out";
        case std::errc::operation_canceled: return "operation canceled";
        case std::errc::invalid_argument: return "invalid argument";
        case std::errc::not_enough_memory: return "not enough memory";
        case std::errc::not_supported: return "not possible here";
        case std::errc::not_connected: return "not open, or not connected";
        case std::errc::bad_file_descriptor: return "the handle is not open";
        case std::errc::io_error: return "the system made no progress";
        case std::errc::resource_deadlock_would_occur: return "would wait for itself";
        case std::errc::resource_unavailable_try_again: return "not available now";
        case std::errc::value_too_large: return "the count is too large";
        default: return "error " + std::to_string(code);
        }
    }

    [[nodiscard]] std::error_condition default_error_condition(int code) const noexcept override {
        const misuse_text misused = explain(static_cast<misuse>(code));
        return {misused.text != nullptr ? static_cast<int>(misused.portable) : code, std::generic_category()};
    }
};

class stream_error_category final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "stream"; }
    [[nodiscard]] std::string message(int code) const override {
        return code == static_cast<int>(stream_errc::end_of_stream) ? "end of stream before all bytes had come"
                                                                    : "unknown stream error";
    }
};

} // namespace

const std::error_category& moor_category() noexcept {
    static const moor_error_category category;
    return category;
}

const std::error_category& stream_category() noexcept {
    static const stream_error_category category;
    return category;
}

std::error_code win::to_error(std::errc condition) noexcept {
    return condition == std::errc{} ? std::error_code{} : std::error_code(static_cast<int>(condition), moor_category());
}

std::error_code win::to_error(misuse what) noexcept { return {static_cast<int>(what), moor_category()}; }

} // namespace moor
