// See pe_function_table.hpp.
#include "tools/pe_function_table.hpp"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <optional>

#include <fmt/format.h>

#include "unwind/image_headers.hpp"
#include "unwind/unwind_info.hpp"

namespace moor::test {
namespace {

class checker {
public:
    checker(std::span<const std::byte> file, const unwind::image_headers& headers) : file_(file), headers_(headers) {}

    std::vector<std::string> run() {
        const unwind::image_part table = headers_.functions;
        const std::uint32_t size = table.end - table.begin;
        const std::uint32_t count = entries_without_padding(table.begin, size / sizeof(unwind::function_entry));
        if (count == 0) {
            say("there is no table of functions");
            return problems_;
        }
        if (size % sizeof(unwind::function_entry) != 0) {
            say("the table's size of {} bytes is not a number of whole entries", size);
        }
        std::uint32_t end = 0;
        for (std::uint32_t index = 0; index != count; ++index) {
            const auto entry = read<unwind::function_entry>(place_of_entry(table.begin, index));
            if (!entry) {
                say("the table does not lie in the file from entry {} on", index);
                break;
            }
            if (index != 0 && entry->begin < end) {
                say("entry {} begins at {:#x}, before the end {:#x} of the one before it", index, entry->begin, end);
            }
            end = entry->end;
            check(index, *entry);
        }
        return problems_;
    }

private:
    static std::uint64_t place_of_entry(std::uint32_t table, std::uint32_t index) {
        return std::uint64_t{table} + std::uint64_t{index} * sizeof(unwind::function_entry);
    }

    [[nodiscard]] std::uint32_t entries_without_padding(std::uint32_t table, std::uint32_t count) const {
        while (count != 0) {
            const auto last = read<unwind::function_entry>(place_of_entry(table, count - 1));
            if (!last || !last->is_padding()) {
                break;
            }
            --count;
        }
        return count;
    }

    void check(std::uint32_t index, const unwind::function_entry& entry) {
        if (entry.end <= entry.begin) {
            say("entry {} ends at {:#x}, not after its beginning {:#x}", index, entry.end, entry.begin);
            return;
        }
        if (entry.end > headers_.size) {
            say("entry {} ends at {:#x}, outside the image of {:#x} bytes", index, entry.end, headers_.size);
        } else if (!is_code(entry)) {
            say("entry {} at {:#x} to {:#x} is not all in one executable section", index, entry.begin, entry.end);
        }
        check_unwind(index, entry, 0);
    }

    void check_unwind(std::uint32_t index, const unwind::function_entry& entry, unsigned links) {
        constexpr unsigned longest_chain = 32;
        if (links > longest_chain) {
            say("entry {} is chained in a circle", index);
            return;
        }
        const std::uint32_t place = entry.unwind & ~1u;
        if (place != entry.unwind) {
            const auto instead = read<unwind::function_entry>(place);
            if (instead) {
                check_unwind(index, *instead, links + 1);
            } else {
                say("entry {} stands for one at {:#x}, which is not in the image", index, place);
            }
            return;
        }
        const auto info = read<unwind::unwind_info>(place);
        if (!info) {
            say("entry {} has its unwind data at {:#x}, which is not in the image", index, place);
            return;
        }
        if (info->version() != 1 && info->version() != 2) {
            say("entry {} has unwind data of version {}", index, info->version());
            return;
        }
        check_codes(index, place, *info);
        if (info->is_chained()) {
            const auto next = read<unwind::function_entry>(std::uint64_t{place} + info->chained_at());
            if (next) {
                check_unwind(index, *next, links + 1);
            } else {
                say("entry {} is chained to one that is not in the image", index);
            }
        }
    }

    void check_codes(std::uint32_t index, std::uint32_t place, const unwind::unwind_info& info) {
        for (unsigned code = 0; code < info.code_count;) {
            const auto each =
                read<unwind::unwind_code>(std::uint64_t{place} + sizeof info + code * sizeof(unwind::unwind_code));
            if (!each) {
                say("entry {} has unwind codes that are not in the image", index);
                return;
            }
            const unsigned slots = each->slots(info.version());
            if (slots == 0 || code + slots > info.code_count) {
                say("entry {} has an unwind code that makes no sense: operation {}", index,
                    static_cast<unsigned>(each->operation()));
                return;
            }
            code += slots;
        }
    }

    [[nodiscard]] bool is_code(const unwind::function_entry& entry) const {
        return std::any_of(headers_.sections.begin(), headers_.sections.end(), [&](const unwind::image_section& each) {
            return each.executable && each.part.contains(entry.begin, entry.end - entry.begin);
        });
    }

    // What the image has there when it is loaded; nothing outside its sections, or where the file is cut short.
    template <class T>
    [[nodiscard]] std::optional<T> read(std::uint64_t rva) const {
        for (const unwind::image_section& each : headers_.sections) {
            if (each.part.contains(rva, sizeof(T)) && rva - each.part.begin + sizeof(T) <= each.file_size) {
                return unwind::read_at<T>(file_, each.file_offset + (rva - each.part.begin));
            }
        }
        return std::nullopt;
    }

    template <class... Arguments>
    void say(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
        problems_.push_back(fmt::format(format, std::forward<Arguments>(arguments)...));
    }

    std::span<const std::byte> file_;
    const unwind::image_headers& headers_;
    std::vector<std::string> problems_;
};

} // namespace

std::vector<std::string> function_table_problems(std::span<const std::byte> file) {
    const auto headers = unwind::read_image_headers(file);
    if (!headers) {
        return {"this is not a PE image for amd64, or it is cut short"};
    }
    return checker(file, *headers).run();
}

int check_function_table(const std::string& name, std::ostream& out) {
    std::ifstream file(name, std::ios::binary);
    if (!file) {
        out << name << ": cannot be read\n";
        return 2;
    }
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    const auto problems = function_table_problems(std::as_bytes(std::span(bytes)));
    for (const std::string& each : problems) {
        out << name << ": " << each << '\n';
    }
    if (problems.empty()) {
        out << name << ": the table of functions is sorted and sane\n";
    }
    return problems.empty() ? 0 : 1;
}

} // namespace moor::test
