// The handlers of this program's own functions, and MSVC's tables made by hand.
#include "debug/language_handlers.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "unwind/function_address.hpp"
#include "unwind/hand_made_image.hpp"
#include "unwind/main_image.hpp"
#include "win/compiler.hpp"

extern "C" bool moor_test_handled_fault(); // faults_gas.S and faults_masm.asm

namespace moor::debug {
namespace {

using unwind::test::byte_list;
using unwind::test::hand_made_image;

// ---- What compilers make -------------------------------------------------------------------------------------------

volatile unsigned sink = 0;

MOOR_NOINLINE unsigned may_throw(unsigned value) {
    if (value == sink + 1000) {
        throw std::runtime_error("thrown");
    }
    return value + sink;
}

MOOR_NOINLINE unsigned without_handler(unsigned value) noexcept(false) { return may_throw(value) * 2 + 1; }

MOOR_NOINLINE unsigned with_destructor(unsigned value) {
    const std::string text(value + 40, 'x');
    return may_throw(value) + static_cast<unsigned>(text.size());
}

MOOR_NOINLINE unsigned with_catch(unsigned value) {
    try {
        return may_throw(value) + 1;
    } catch (...) {
        return 0;
    }
}

// Frames like this one also check a cookie where the compiler does that.
MOOR_NOINLINE unsigned with_catch_and_array(unsigned value) {
    std::array<volatile char, 64> bytes;
    bytes[value % bytes.size()] = 1;
    try {
        return may_throw(value) + static_cast<unsigned>(bytes[3]);
    } catch (...) {
        return 0;
    }
}

bool may_take(const void* function, bool is_own = true) {
    static const unwind::main_image image;
    const unwind::function_entry* const entry = image.function_at(unwind::without_jump(function));
    EXPECT_NE(entry, nullptr);
    return entry != nullptr && may_take_fault(image.code(), *entry, is_own);
}

template <class Function>
const void* address(Function* function) {
    return reinterpret_cast<const void*>(function);
}

TEST(language_handlers, of_cpp_pass_faults_on) {
    sink = without_handler(sink) + with_destructor(sink) + with_catch(sink) + with_catch_and_array(sink);
    sink = 0;
    EXPECT_FALSE(may_take(address(&without_handler)));
    EXPECT_FALSE(may_take(address(&with_destructor)));
    EXPECT_FALSE(may_take(address(&with_catch)));
    EXPECT_FALSE(may_take(address(&with_catch_and_array)));
}

TEST(language_handlers, of_other_images_may_handle_faults) {
    EXPECT_TRUE(may_take(address(&with_catch), false));
    EXPECT_FALSE(may_take(address(&without_handler), false)) << "there is none";
}

TEST(language_handlers, nobody_knows_may_handle_faults) { EXPECT_TRUE(may_take(address(&moor_test_handled_fault))); }

#if defined(_MSC_VER)
MOOR_NOINLINE unsigned with_except(unsigned value) {
    __try {
        return may_throw(value);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return 0;
    }
}

TEST(language_handlers, of_structured_exceptions_may_handle_faults) {
    sink = with_except(sink);
    sink = 0;
    EXPECT_TRUE(may_take(address(&with_except)));
}
#endif

// ---- MSVC's tables -------------------------------------------------------------------------------------------------

constexpr std::uint32_t data = hand_made_image::unwind_begin;
constexpr std::uint32_t table = data + 16;

// A handler's data, which are the place of the function's table, and the table.
bool may_take(handler_kind kind, const byte_list& bytes, std::uint32_t place = table) {
    hand_made_image made;
    byte_list all(16 + bytes.size());
    for (unsigned index = 0; index != 4; ++index) {
        all[index] = static_cast<std::uint8_t>(place >> 8 * index);
    }
    std::copy(bytes.begin(), bytes.end(), all.begin() + 16);
    made.put(data, all);
    return may_take_fault(kind, made.image(), data);
}

byte_list cpp_table(std::uint32_t version, std::uint32_t try_blocks, std::uint32_t flags) {
    const std::array<std::uint32_t, 10> words{version, 5, data, try_blocks, data, 3, data, 0, 0, flags};
    byte_list bytes;
    for (const std::uint32_t each : words) {
        for (unsigned shift = 0; shift != 32; shift += 8) {
            bytes.push_back(static_cast<std::uint8_t>(each >> shift));
        }
    }
    return bytes;
}

TEST(language_handlers, take_faults_in_catch_blocks_of_eha_only) {
    EXPECT_FALSE(may_take(handler_kind::cpp, cpp_table(0x19930522, 1, 1)));
    EXPECT_FALSE(may_take(handler_kind::cpp, cpp_table(0x39930522, 1, 1))) << "the upper bits say something else";
    EXPECT_FALSE(may_take(handler_kind::cpp, cpp_table(0x19930522, 0, 0))) << "no catch block";
    EXPECT_TRUE(may_take(handler_kind::cpp, cpp_table(0x19930522, 1, 0)));
    EXPECT_TRUE(may_take(handler_kind::cpp, cpp_table(0x19930521, 1, 1))) << "this version has no flags";
    // Try blocks 0x10; /EHs 0x20.
    EXPECT_FALSE(may_take(handler_kind::compact_cpp, {0x38}));
    EXPECT_FALSE(may_take(handler_kind::compact_cpp, {0x08})) << "no catch block";
    EXPECT_TRUE(may_take(handler_kind::compact_cpp, {0x18}));
}

TEST(language_handlers, whose_tables_cannot_be_read_may_handle_faults) {
    for (const std::uint32_t outside : {hand_made_image::size, hand_made_image::size + 0x10000, 0xffffffffu}) {
        EXPECT_TRUE(may_take(handler_kind::cpp, {}, outside)) << outside;
        EXPECT_TRUE(may_take(handler_kind::compact_cpp, {}, outside)) << outside;
    }
    hand_made_image made;
    EXPECT_TRUE(may_take_fault(handler_kind::cpp, made.image(), hand_made_image::size - 2));
    EXPECT_TRUE(may_take_fault(handler_kind::unknown, made.image(), data));
    EXPECT_TRUE(may_take_fault(handler_kind::structured, made.image(), data));
    EXPECT_FALSE(may_take_fault(handler_kind::passes_on, made.image(), data));
}

} // namespace
} // namespace moor::debug
