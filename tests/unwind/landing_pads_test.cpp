// Which calls an exception comes back to: functions of this compiler's, asked by the return addresses of calls in them.
#include "unwind/landing_pads.hpp"

#include <cstdint>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "unwind/frame_shape.hpp"
#include "unwind/main_image.hpp"
#include "win/compiler.hpp"

#if !defined(_MSC_VER)

namespace moor::unwind {
namespace {

std::uint64_t called_from = 0;
volatile bool throws = false;

// The return address is that of a call in the function that is asked about.
MOOR_NOINLINE void note() {
    called_from = reinterpret_cast<std::uint64_t>(__builtin_return_address(0));
    if (throws) {
        throw std::runtime_error("never");
    }
}

volatile int sink = 0;

MOOR_NOINLINE void holds_nothing() {
    note();
    sink = 1; // no jump to it
}
MOOR_NOINLINE void holds_a_string(const char* text) {
    const std::string held = std::string(text) + text;
    note();
    sink = static_cast<int>(held.size());
}
MOOR_NOINLINE void catches() {
    try {
        note();
    } catch (const std::exception&) {
        sink = 2;
    }
}
// As in the library's throwing functions: what needs a handler is over when the call comes.
MOOR_NOINLINE void held_a_string_before(const char* text) {
    {
        const std::string held = std::string(text) + text;
        sink = static_cast<int>(held.size());
        if (throws) {
            throw std::runtime_error("never");
        }
    }
    note();
    sink = 3;
}

bool ends_by_exception(void (*function)(const char*)) {
    function("a text that is too long to lie in the object");
    const main_image image;
    const frame_shape shape = read_frame_shape(image.code(), called_from);
    EXPECT_EQ(shape.owner, frame_owner::other);
    return shape.ends_by_exception;
}

TEST(landing_pads, are_told_from_calls_without) {
    EXPECT_TRUE(ends_by_exception([](const char*) { holds_nothing(); }));
    EXPECT_FALSE(ends_by_exception(&holds_a_string));
    EXPECT_FALSE(ends_by_exception([](const char*) { catches(); }));
    EXPECT_TRUE(ends_by_exception(&held_a_string_before));
}

} // namespace
} // namespace moor::unwind

#endif
