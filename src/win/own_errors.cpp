// The categories of what moor itself reports; see moor/error.hpp and win/error.hpp. Apart from error.cpp because it
// needs nothing of Windows: pure code that is tested on the host links it.
#include <string>

#include <moor/error.hpp>

#include "win/error.hpp"

namespace moor {
namespace {

class moor_error_category final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "moor"; }

    [[nodiscard]] std::string message(int code) const override {
        switch (static_cast<std::errc>(code)) {
        case std::errc::timed_out: return "timed out";
        case std::errc::operation_canceled: return "operation canceled";
        case std::errc::operation_not_permitted: return "operation not permitted";
        case std::errc::invalid_argument: return "invalid argument";
        case std::errc::not_enough_memory: return "not enough memory";
        case std::errc::not_supported: return "not possible here";
        case std::errc::not_connected: return "not connected";
        case std::errc::bad_file_descriptor: return "the handle is not open";
        case std::errc::io_error: return "the system made no progress";
        case std::errc::resource_deadlock_would_occur: return "would wait for itself";
        case std::errc::resource_unavailable_try_again: return "not available now";
        case std::errc::value_too_large: return "the count is too large";
        default: return "error " + std::to_string(code);
        }
    }

    [[nodiscard]] std::error_condition default_error_condition(int code) const noexcept override {
        return {code, std::generic_category()};
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

} // namespace moor
