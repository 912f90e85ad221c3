// The checker of function tables, on an image made by hand with each thing wrong in turn, and on Windows on the test's
// own file and a copy of it with two entries exchanged.
#include "tools/pe_function_table.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <gmock/gmock.h>

#include "unwind/image_headers.hpp"
#include "unwind/unwind_info.hpp"

#if defined(_WIN32)
#include "win/windows.hpp"
#endif

namespace moor::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The headers in the first 0x400 bytes; .text at 0x1000 (in the file at 0x400), .pdata and .xdata at 0x2000 (0x600).
class image_file {
public:
    static constexpr std::uint32_t text = 0x1000;
    static constexpr std::uint32_t data = 0x2000;
    static constexpr std::uint32_t unwind = data + 0x100;

    image_file() : bytes_(0x800) {
        put<std::uint16_t>(0, 0x5a4d);
        put<std::uint32_t>(0x3c, start);
        put<std::uint32_t>(start, 0x4550);
        put<std::uint16_t>(start + 4, 0x8664);
        put<std::uint16_t>(start + 6, 2);
        put<std::uint16_t>(start + 20, 240);
        put<std::uint16_t>(optional_header, 0x20b);
        put<std::uint32_t>(optional_header + 32, 0x1000);
        put<std::uint32_t>(optional_header + 56, 0x3000);
        put<std::uint32_t>(optional_header + 60, 0x400);
        put<std::uint32_t>(optional_header + 108, 16);
        put_section(0, text, 0x400, 0x60000020);
        put_section(1, data, 0x600, 0x40000040);
        put<std::uint32_t>(unwind_in_file, 1); // version 1, nothing to undo
        set({{text, text + 16, unwind}, {text + 16, text + 32, unwind}, {text + 64, text + 80, unwind}});
    }

    void set(const std::vector<unwind::function_entry>& entries) {
        for (std::size_t index = 0; index != entries.size(); ++index) {
            put(0x600 + index * sizeof entries[0], entries[index]);
        }
        put<std::uint32_t>(directory, data);
        put<std::uint32_t>(directory + 4, static_cast<std::uint32_t>(entries.size() * sizeof entries[0]));
    }
    template <class T>
    void put(std::size_t offset, T value) {
        std::memcpy(bytes_.data() + offset, &value, sizeof value);
    }
    std::vector<std::byte>& bytes() { return bytes_; }
    [[nodiscard]] std::vector<std::string> problems() const { return function_table_problems(bytes_); }

    static constexpr std::size_t start = 0x80;
    static constexpr std::size_t optional_header = start + 24;
    static constexpr std::size_t directory = optional_header + 112 + 24;
    static constexpr std::size_t unwind_in_file = 0x700;

private:
    void put_section(std::size_t index, std::uint32_t rva, std::uint32_t offset, std::uint32_t characteristics) {
        const std::size_t at = optional_header + 240 + 40 * index;
        put<std::uint32_t>(at + 8, 0x200);
        put<std::uint32_t>(at + 12, rva);
        put<std::uint32_t>(at + 16, 0x200);
        put<std::uint32_t>(at + 20, offset);
        put<std::uint32_t>(at + 36, characteristics);
    }

    std::vector<std::byte> bytes_;
};

constexpr std::uint32_t text = image_file::text;
constexpr std::uint32_t unwind = image_file::unwind;

TEST(pe_function_table, is_content_with_a_sorted_table) { EXPECT_THAT(image_file().problems(), IsEmpty()); }

TEST(pe_function_table, says_where_the_order_is_wrong) {
    image_file file;
    file.set({{text + 16, text + 32, unwind}, {text, text + 16, unwind}, {text + 64, text + 80, unwind}});
    EXPECT_THAT(file.problems(), ElementsAre("entry 1 begins at 0x1000, before the end 0x1020 of the one before it"));
    file.set({{text, text + 17, unwind}, {text + 16, text + 32, unwind}});
    EXPECT_THAT(file.problems(), ElementsAre("entry 1 begins at 0x1010, before the end 0x1011 of the one before it"));
}

TEST(pe_function_table, passes_over_padding_at_the_end_only) {
    image_file file;
    file.set({{text, text + 16, unwind}, {text + 16, text + 32, unwind}, {}, {}, {}});
    EXPECT_THAT(file.problems(), IsEmpty());
    file.set({{text, text + 16, unwind}, {}, {text + 16, text + 32, unwind}, {}});
    EXPECT_THAT(file.problems(), Contains(HasSubstr("entry 1 ends at 0x0, not after its beginning")));
    file.set({{}, {}});
    EXPECT_THAT(file.problems(), ElementsAre("there is no table of functions"));
}

TEST(pe_function_table, says_which_entries_are_not_code) {
    image_file file;
    file.set({{text + 4, text + 4, unwind}});
    EXPECT_THAT(file.problems(), ElementsAre(HasSubstr("not after its beginning")));
    file.set({{text + 0x1f0, text + 0x201, unwind}});
    EXPECT_THAT(file.problems(), ElementsAre(HasSubstr("executable section")));
    file.set({{image_file::data, image_file::data + 1, unwind}});
    EXPECT_THAT(file.problems(), ElementsAre(HasSubstr("executable section")));
    file.set({{text, 0x3001, unwind}});
    EXPECT_THAT(file.problems(), ElementsAre(HasSubstr("outside the image")));
}

TEST(pe_function_table, says_which_unwind_data_is_wrong) {
    image_file file;
    for (const std::uint32_t wrong : {0x3000u, 0x21feu, 0xfffffffcu, 0x500u}) {
        file.set({{text, text + 1, wrong}});
        EXPECT_THAT(file.problems(), ElementsAre(HasSubstr("unwind data at"))) << wrong;
    }
    file.set({{text, text + 1, unwind}});
    file.put<std::uint8_t>(image_file::unwind_in_file, 2);
    EXPECT_THAT(file.problems(), IsEmpty());
    for (const unsigned version : {0u, 3u, 7u}) {
        file.put(image_file::unwind_in_file, static_cast<std::uint8_t>(version));
        EXPECT_THAT(file.problems(), ElementsAre(HasSubstr("of version")));
    }
    file.put<std::uint32_t>(image_file::unwind_in_file, 0x00010001); // one code
    file.put<std::uint16_t>(image_file::unwind_in_file + 4, 0x0700);
    EXPECT_THAT(file.problems(), ElementsAre(HasSubstr("operation 7")));
    file.put<std::uint16_t>(image_file::unwind_in_file + 4, 0x0100);
    EXPECT_THAT(file.problems(), ElementsAre(HasSubstr("operation 1"))) << "its operand is missing";
    file.put<std::uint16_t>(image_file::unwind_in_file + 4, 0x0200);
    EXPECT_THAT(file.problems(), IsEmpty());
    file.put<std::uint32_t>(image_file::unwind_in_file, 0x00000021); // chained
    file.put(image_file::unwind_in_file + 4, unwind::function_entry{text, text + 1, unwind});
    EXPECT_THAT(file.problems(), ElementsAre(HasSubstr("circle")));
    file.put(image_file::unwind_in_file + 4, unwind::function_entry{text, text + 1, 0x3000});
    EXPECT_THAT(file.problems(), ElementsAre(HasSubstr("unwind data at 0x3000")));
}

TEST(pe_function_table, says_when_there_is_nothing_to_look_at) {
    image_file file;
    file.set({});
    EXPECT_THAT(file.problems(), ElementsAre("there is no table of functions"));
    // Cut short anywhere before the end of the unwind data; nothing is read outside.
    for (std::size_t size = 0; size <= 0x700; size += size < 0x200 ? 1 : 0x40) {
        image_file cut;
        cut.bytes().resize(size);
        cut.bytes().shrink_to_fit();
        EXPECT_THAT(cut.problems(), testing::Not(IsEmpty())) << size;
    }
    EXPECT_THAT(function_table_problems({}), ElementsAre(HasSubstr("not a PE image")));
    std::ostringstream out;
    EXPECT_EQ(check_function_table("no/such/file", out), 2);
}

#if defined(_WIN32)
TEST(pe_function_table, sees_two_entries_exchanged_in_a_copy_of_this_program) {
    std::wstring name(1024, L'\0');
    name.resize(::GetModuleFileNameW(nullptr, name.data(), static_cast<DWORD>(name.size())));
    const std::filesystem::path own(name);
    std::ostringstream out;
    EXPECT_EQ(check_function_table(own.string(), out), 0) << out.str();

    std::ifstream file(own, std::ios::binary);
    std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    const auto headers = unwind::read_image_headers(std::as_bytes(std::span(bytes)));
    ASSERT_TRUE(headers);
    for (const unwind::image_section& each : headers->sections) {
        if (each.part.contains(headers->functions.begin)) {
            char* const first =
                bytes.data() + each.file_offset + (headers->functions.begin - each.part.begin) + 10 * 12;
            std::swap_ranges(first, first + 12, first + 12);
        }
    }
    const std::filesystem::path copy = own.parent_path() / "pe_function_table_unsorted.bin";
    std::ofstream(copy, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    std::ostringstream problems;
    EXPECT_EQ(check_function_table(copy.string(), problems), 1);
    EXPECT_THAT(problems.str(), HasSubstr("entry 11 begins at")) << problems.str();
    std::filesystem::remove(copy);
}
#endif

} // namespace
} // namespace moor::test
