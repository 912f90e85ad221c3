// The running program's own image, and the unwinder compared with the system's over all of its functions.
#include "unwind/main_image.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "support/seed.hpp"
#include "unwind/frame_walk.hpp"
#include "unwind/function_address.hpp"
#include "win/compiler.hpp"
#include "win/teb.hpp"

namespace moor::unwind::test {
namespace {

std::uint64_t address_of(const void* place) { return reinterpret_cast<std::uint64_t>(place); }

int variable = 0;
volatile unsigned last_depth = 0;

struct walked {
    walk_stop stop = walk_stop::not_yet;
    unsigned frames = 0;
};

stack_bounds system_stack() {
    return {win::teb::read(win::teb::field::stack_limit), win::teb::read(win::teb::field::stack_base)};
}

MOOR_NOINLINE walked walk_at(const code_image& image, unsigned depth, std::uint64_t last) {
    if (depth != 0) {
        const walked below = walk_at(image, depth - 1, last);
        last_depth = depth; // so that the call is not the last thing, which might become a loop
        return below;
    }
    CONTEXT context{};
    ::RtlCaptureContext(&context);
    frame_walk walk(image, registers_of(context), system_stack(), last, 100);
    while (walk.next()) {
    }
    return {walk.stop(), walk.frames()};
}

MOOR_NOINLINE walked walk_from(const code_image& image, unsigned depth) {
    const walked seen = walk_at(image, depth, unwind::without_jump(reinterpret_cast<const void*>(&walk_from)));
    EXPECT_EQ(seen.stop, walk_stop::reached);
    return seen;
}

// The functions of the image in another order.
std::vector<function_entry> shuffled(const main_image& image) {
    const auto entries = image.code().functions().entries();
    std::vector<function_entry> all(entries.begin(), entries.end());
    std::mt19937 random(moor::test::test_seed());
    std::shuffle(all.begin(), all.end(), random);
    return all;
}

code_image with_table(const main_image& image, std::span<const function_entry> entries) {
    const std::span bytes(reinterpret_cast<const std::byte*>(image.base()), image.size());
    std::vector<unwind::image_part> code;
    const auto headers = unwind::read_image_headers(bytes.first(4096));
    for (const unwind::image_section& each : headers.value().sections) {
        if (each.executable) {
            code.push_back(each.part);
        }
    }
    return {image.base(), bytes, std::move(code), function_table(entries)};
}

TEST(main_image, tells_its_own_code_from_everything_else) {
    const main_image image;
    EXPECT_EQ(image.base(), address_of(::GetModuleHandleW(nullptr)));
    EXPECT_GT(image.size(), 0x10000u);
    EXPECT_TRUE(image.was_sorted());
    EXPECT_TRUE(is_sorted(image.code().functions().entries()));
    const std::uint64_t here = unwind::without_jump(reinterpret_cast<const void*>(&walk_from));
    EXPECT_TRUE(image.contains_code(here));
    const function_entry* const entry = image.function_at(here + 5);
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(image.base() + entry->begin, here);

    const int local = 0;
    HMODULE const other = ::GetModuleHandleW(L"ntdll.dll");
    const auto elsewhere = reinterpret_cast<std::uint64_t>(::GetProcAddress(other, "RtlCaptureContext"));
    for (const std::uint64_t no_code :
         {address_of(&variable), address_of(&local), elsewhere, std::uint64_t{0}, image.base(),
          image.base() + image.size(), image.base() - 1, UINT64_MAX, here + 0x100000000}) {
        EXPECT_FALSE(image.contains_code(no_code)) << std::hex << no_code;
        EXPECT_EQ(image.function_at(no_code), nullptr) << std::hex << no_code;
    }
}

TEST(main_image, finds_what_the_system_finds) {
    const main_image image;
    const auto entries = image.code().functions().entries();
    ASSERT_GT(entries.size(), 500u);
    for (const function_entry& each : entries) {
        for (const std::uint64_t place : {image.base() + each.begin, image.base() + each.end - 1}) {
            DWORD64 base = 0;
            const auto* const system = ::RtlLookupFunctionEntry(place, &base, nullptr);
            ASSERT_NE(system, nullptr);
            const function_entry* const ours = image.function_at(place);
            ASSERT_NE(ours, nullptr);
            EXPECT_EQ(ours->begin, system->BeginAddress);
            EXPECT_EQ(ours->unwind, system->UnwindData);
            EXPECT_TRUE(image.contains_code(place));
        }
    }
}

TEST(frame_walk, goes_up_a_recursion) {
    const main_image image;
    const unsigned shallow = walk_from(image.code(), 1).frames;
    EXPECT_GE(shallow, 2u);
    EXPECT_GE(walk_from(image.code(), 41).frames, shallow + 10) << "a compiler may make one frame of a few calls";
}

TEST(frame_walk, works_from_the_sorted_copy_of_an_unsorted_table) {
    const main_image image;
    const auto entries = shuffled(image);
    ASSERT_FALSE(is_sorted(entries));
    const code_image mended = with_table(image, entries);
    EXPECT_FALSE(mended.functions().was_sorted());
    EXPECT_EQ(walk_from(mended, 10).frames, walk_from(image.code(), 10).frames);
}

// ---- The unwinder and the system's ---------------------------------------------------------------------------------

// A stack without meaning, but of which each word is another one, large enough for most frames.
class compared_unwinding : public testing::Test {
protected:
    compared_unwinding() : words_(1u << 18u) {
        for (std::size_t index = 0; index != words_.size(); ++index) {
            words_[index] = 0x0123456700000000 + index;
        }
    }

    // Both begin with the same registers. A frame register is where it is when nothing was allocated by hand.
    [[nodiscard]] CONTEXT at(const main_image& image, const unwind::unwind_info& info, std::uint32_t rva) const {
        CONTEXT context{};
        context.ContextFlags = CONTEXT_FULL;
        std::uint64_t* const general = &context.Rax;
        for (unsigned number = 0; number != 16; ++number) {
            general[number] = 0x1111000000000000 + number;
        }
        context.Rsp = address_of(words_.data() + words_.size() / 4);
        if (info.frame_register() != 0) {
            general[info.frame_register()] = context.Rsp + info.frame_offset();
        }
        context.Rip = image.base() + rva;
        return context;
    }

    void compare(const main_image& image, const function_entry& entry, const unwind::unwind_info& info,
                 std::uint32_t rva) {
        CONTEXT theirs = at(image, info, rva);
        machine_registers ours = registers_of(theirs);
        const stack_bounds stack{address_of(words_.data()), address_of(words_.data() + words_.size())};
        const unwind_result result = unwind_frame(image.code(), &entry, stack, ours);
        if (result == unwind_result::off_stack) {
            ++off_stack_; // a frame larger than this stack: the system's would read beyond it
            return;
        }
        ASSERT_EQ(result, unwind_result::done) << std::hex << rva;
        RUNTIME_FUNCTION function{};
        function.BeginAddress = entry.begin;
        function.EndAddress = entry.end;
        function.UnwindData = entry.unwind;
        void* handler_data = nullptr;
        DWORD64 establisher = 0;
        ::RtlVirtualUnwind(0, image.base(), theirs.Rip, &function, &theirs, &handler_data, &establisher, nullptr);
        const machine_registers expected = registers_of(theirs);
        EXPECT_EQ(ours.instruction, expected.instruction) << std::hex << rva;
        EXPECT_EQ(ours.general, expected.general) << std::hex << rva;
        ++compared_;
    }

    std::vector<std::uint64_t> words_;
    unsigned compared_ = 0;
    unsigned off_stack_ = 0;
};

TEST_F(compared_unwinding, agrees_in_prologues_and_behind_them) {
    const main_image image;
    for (const function_entry& entry : image.code().functions().entries()) {
        const auto found = image.code().unwind_info_of(entry);
        ASSERT_TRUE(found) << std::hex << entry.begin;
        const unwind::unwind_info& info = found->info;
        for (unsigned index = 0; index < info.code_count;) {
            const auto code = image.code().read<unwind::unwind_code>(found->rva + 4 + index * 2);
            ASSERT_TRUE(code && code->slots(info.version()) != 0);
            index += code->slots(info.version());
            if (code->operation() != unwind::unwind_operation::epilogue && code->offset < info.prologue_bytes) {
                compare(image, entry, info, entry.begin + code->offset);
            }
        }
        if (info.prologue_bytes != 0) {
            compare(image, entry, info, entry.begin);
        }
        // Wine 8 takes a jump out of the function for part of its body, and follows one inside it. Windows does not.
        const auto first = image.code().read<std::uint8_t>(entry.begin + info.prologue_bytes);
        if (entry.begin + info.prologue_bytes < entry.end && first != 0xe9 && first != 0xeb) {
            compare(image, entry, info, entry.begin + info.prologue_bytes);
        }
    }
    std::printf("[ compared ] %u places, %u off the stack\n", compared_, off_stack_);
    EXPECT_GT(compared_, 2000u);
    EXPECT_LT(off_stack_, compared_ / 20);
}

} // namespace
} // namespace moor::unwind::test
