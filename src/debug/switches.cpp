// Reading debug switches from text; see moor/debug.hpp. A switch that is not understood is an error: one that was
// silently ignored would have somebody hunt a bug with the wrong settings.
#include <moor/debug.hpp>

#include <array>
#include <bit>
#include <charconv>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include "win/error.hpp"

namespace moor {
namespace {

[[noreturn]] void refuse(std::string_view name, std::string_view value, std::string_view what) {
    throw std::system_error(win::to_error(std::errc::invalid_argument),
                            fmt::format("moor: debug switch '{}={}': {}", name, value, what));
}

struct flag {
    std::string_view name;
    bool debug_switches::*member;
};

constexpr std::array flags{
    flag{"stack_poison_copy", &debug_switches::stack_poison_copy},
    flag{"stack_fault_on_free", &debug_switches::stack_fault_on_free},
    flag{"stack_guard", &debug_switches::stack_guard},
    flag{"stack_no_cache", &debug_switches::stack_no_cache},
    flag{"shrink_off", &debug_switches::shrink_off},
    flag{"check_frames", &debug_switches::check_frames},
    flag{"force_move", &debug_switches::force_move},
    flag{"verify_copy", &debug_switches::verify_copy},
    flag{"audit", &debug_switches::audit},
    flag{"async_preempt_off", &debug_switches::async_preempt_off},
    flag{"preempt_storm", &debug_switches::preempt_storm},
    flag{"preempt_verify", &debug_switches::preempt_verify},
    flag{"exception_room", &debug_switches::exception_room},
    flag{"crash_report_off", &debug_switches::crash_report_off},
    flag{"hang_report_off", &debug_switches::hang_report_off},
};

std::size_t segment_size(std::string_view name, std::string_view value) {
    std::size_t size = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), size);
    if (error != std::errc{} || end != value.data() + value.size() || !std::has_single_bit(size) || size < 1024 ||
        size > std::size_t{64} * 1024) {
        refuse(name, value, "a power of two from 1024 to 65536 is expected");
    }
    return size;
}

std::size_t microseconds(std::string_view name, std::string_view value) {
    std::size_t count = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), count);
    constexpr std::size_t most = 10'000'000;
    if (error != std::errc{} || end != value.data() + value.size() || count == 0 || count > most) {
        refuse(name, value, "a number from 1 to 10000000 is expected");
    }
    return count;
}

void set(std::string_view name, std::string_view value, debug_switches& switches) {
    if (name == "stack_min") {
        switches.stack_min = segment_size(name, value);
        return;
    }
    if (name == "slice_us") {
        switches.slice_us = microseconds(name, value);
        return;
    }
    for (const flag& each : flags) {
        if (each.name == name) {
            if (value != "0" && value != "1") {
                refuse(name, value, "0 or 1 is expected");
            }
            switches.*each.member = value == "1";
            return;
        }
    }
    refuse(name, value, "there is no such switch");
}

} // namespace

void parse_debug_switches(std::string_view text, debug_switches& switches) {
    if (text.empty()) {
        return;
    }
    for (;;) {
        const std::size_t comma = text.find(',');
        const std::string_view entry = text.substr(0, comma);
        const std::size_t equals = entry.find('=');
        if (equals == std::string_view::npos) {
            refuse(entry, "", "name=value is expected");
        }
        set(entry.substr(0, equals), entry.substr(equals + 1), switches);
        if (comma == std::string_view::npos) {
            return;
        }
        text.remove_prefix(comma + 1);
    }
}

} // namespace moor
