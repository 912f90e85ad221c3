// moor_check_calls <image>...: looks through linked programs for calls from code with stack checks to code without that
// are not diverted to the thread's system stack (divert_calls.cpp) and may need more stack than the checks leave (law
// 6). Runs after each link of a program with movable stacks, on the machine that builds. Exit status: 0 none, 1 some, 2
// an image that cannot be read.
//
// What is covered: the section .movable, and every function that begins with a stack check, also one that was compiled
// without the plugin. What a function needs: its frame, from the unwind data, and the largest need of what it calls. A
// call through a pointer, into a DLL or in a circle has no bound, and neither has a frame whose size varies.
//
// Calls are found by their bytes, without decoding what lies between: five bytes that call or jump to the very
// beginning of a function. So none is missed, and other bytes look like that once in some millions. Calls through
// pointers from covered code are not looked at: the plugin has each of them find out about its target when it is made.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <cxxabi.h>

#include "compiler/direct_functions.hpp"
#include "unwind/image_headers.hpp"
#include "unwind/unwind_info.hpp"

namespace {

using namespace moor;

// What the checks leave below the stack pointer of the lowest call (memory::headroom, and a function with a frame below
// 256 bytes compares before it takes the frame), and what a diverted call and the way into growth use of it.
constexpr std::uint64_t room = 1280 - 248 + 8;

std::string readable(const std::string& name) {
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> text(abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status),
                                                           &std::free);
    return text != nullptr ? text.get() : name;
}

// The file, and where in it what lies in the image.
class image {
public:
    image(std::vector<std::byte> file, unwind::image_headers headers)
        : file_(std::move(file)), headers_(std::move(headers)) {
        read_names();
        read_imports();
    }

    [[nodiscard]] const unwind::image_headers& headers() const { return headers_; }
    [[nodiscard]] unwind::image_part covered() const { return covered_; }
    [[nodiscard]] bool has_names() const { return !names_.empty(); }

    /// From there to the end of its section in the file.
    [[nodiscard]] std::span<const std::byte> bytes_at(std::uint64_t rva) const {
        for (const unwind::image_section& each : headers_.sections) {
            if (each.part.contains(rva) && rva - each.part.begin < each.file_size) {
                const std::uint64_t skipped = rva - each.part.begin;
                const std::uint64_t at = each.file_offset + skipped;
                if (at < file_.size()) {
                    return std::span(file_).subspan(
                        at, std::min<std::uint64_t>(each.file_size - skipped, file_.size() - at));
                }
            }
        }
        return {};
    }
    template <class T>
    [[nodiscard]] std::optional<T> read(std::uint64_t rva) const {
        return unwind::read_at<T>(bytes_at(rva), 0);
    }
    [[nodiscard]] bool is_code(std::uint64_t rva) const {
        return std::any_of(
            headers_.sections.begin(), headers_.sections.end(),
            [rva](const unwind::image_section& each) { return each.executable && each.part.contains(rva); });
    }

    /// Of what lies there or next below it; empty when nothing does.
    [[nodiscard]] const std::string& name_of(std::uint32_t rva) const {
        static const std::string none;
        const auto next = names_.upper_bound(rva);
        return next != names_.begin() ? std::prev(next)->second : none;
    }
    [[nodiscard]] const std::map<std::uint32_t, std::string>& names() const { return names_; }
    /// Of the function of a DLL whose address the loader puts there; null when it puts none there.
    [[nodiscard]] const std::string* imported_by(std::uint32_t slot) const {
        const auto found = imports_.find(slot);
        return found != imports_.end() ? &found->second : nullptr;
    }

private:
    [[nodiscard]] std::string text_at(std::span<const std::byte> bytes, std::uint64_t offset) const {
        std::string text;
        for (std::uint64_t at = offset; at < bytes.size() && bytes[at] != std::byte{}; ++at) {
            text += static_cast<char>(bytes[at]);
        }
        return text;
    }
    template <class T>
    [[nodiscard]] T field(std::uint64_t offset) const {
        return unwind::read_at<T>(file_, offset).value_or(T{});
    }

    // The COFF symbols, which linkers for MinGW put behind the sections.
    void read_names() {
        const std::uint64_t start = field<std::uint32_t>(0x3c);
        const std::uint64_t table = field<std::uint32_t>(start + 12);
        const std::uint64_t count = table != 0 ? field<std::uint32_t>(start + 16) : 0;
        const std::uint64_t strings = table + count * 18;
        const auto long_name = [&](std::uint64_t offset) { return text_at(file_, strings + offset); };
        const std::uint64_t sections = start + 24 + field<std::uint16_t>(start + 20);
        for (std::size_t index = 0; index != headers_.sections.size(); ++index) {
            if (std::memcmp(file_.data() + sections + index * 40, ".movable", 8) == 0) {
                covered_ = headers_.sections[index].part;
            }
        }
        for (std::uint64_t index = 0; index < count; ++index) {
            const std::uint64_t at = table + index * 18;
            const auto section = field<std::int16_t>(at + 12);
            const auto storage = field<std::uint8_t>(at + 16);
            const std::uint64_t others = field<std::uint8_t>(at + 17);
            constexpr std::uint8_t external = 2;
            constexpr std::uint8_t local = 3;
            if (section > 0 && static_cast<std::size_t>(section) <= headers_.sections.size() &&
                headers_.sections[static_cast<std::size_t>(section) - 1].executable &&
                (storage == external || (storage == local && others == 0))) {
                std::string name =
                    field<std::uint32_t>(at) == 0
                        ? long_name(field<std::uint32_t>(at + 4))
                        : text_at(std::span(file_).first(std::min<std::uint64_t>(at + 8, file_.size())), at);
                const std::uint32_t rva =
                    headers_.sections[static_cast<std::size_t>(section) - 1].part.begin + field<std::uint32_t>(at + 8);
                if (!name.empty() && name.front() != '.') {
                    auto& known = names_[rva];
                    // Of several the library's own, which says most.
                    if (known.empty() || (!is_ours(known) && is_ours(name))) {
                        known = std::move(name);
                    }
                }
            }
            index += others;
        }
    }
    static bool is_ours(const std::string& name) {
        return compiler::is_moors_own(name) || compiler::is_bound_to_frame(name) || compiler::is_promised(name);
    }

    void read_imports() {
        const std::uint64_t optional_header = field<std::uint32_t>(0x3c) + std::uint64_t{24};
        const std::uint32_t directory = field<std::uint32_t>(optional_header + 112 + 8);
        for (std::uint32_t entry = directory; directory != 0; entry += 20) {
            const std::uint32_t lookup = read<std::uint32_t>(entry).value_or(0);
            const std::uint32_t slots = read<std::uint32_t>(entry + 16).value_or(0);
            if (slots == 0) {
                return;
            }
            for (std::uint32_t index = 0;; ++index) {
                const std::uint64_t value = read<std::uint64_t>((lookup != 0 ? lookup : slots) + index * 8).value_or(0);
                if (value == 0) {
                    break;
                }
                constexpr std::uint64_t by_number = std::uint64_t{1} << 63;
                imports_[slots + index * 8] = (value & by_number) != 0 ? "by number" : text_at(bytes_at(value + 2), 0);
            }
        }
    }

    std::vector<std::byte> file_;
    unwind::image_headers headers_;
    unwind::image_part covered_;
    std::map<std::uint32_t, std::string> names_;
    std::unordered_map<std::uint32_t, std::string> imports_;
};

// What a function needs of the stack below its caller's stack pointer, and through which call. Bytes.
struct need {
    static constexpr std::uint64_t unbounded = ~std::uint64_t{0};
    std::uint64_t bytes = 0;
    std::uint32_t through = 0; ///< the function that it calls there; 0: none
    std::string why;           ///< it has no bound: because of what, if not of that function

    [[nodiscard]] bool bounded() const { return bytes != unbounded; }
};

class call_graph {
public:
    explicit call_graph(const image& of) : of_(of) {
        const unwind::image_part table = of.headers().functions;
        for (std::uint32_t at = table.begin; at + 12 <= table.end; at += 12) {
            if (const auto entry = of.read<unwind::function_entry>(at)) {
                entries_[entry->begin] = *entry;
                begins_.push_back(entry->begin);
            }
        }
        for (const auto& [rva, name] : of.names()) {
            begins_.push_back(rva);
        }
        std::sort(begins_.begin(), begins_.end());
        begins_.erase(std::unique(begins_.begin(), begins_.end()), begins_.end());
    }

    /// A call or jump that was found, and where to. A function of a DLL has no address.
    struct edge {
        std::uint32_t target = 0;
        bool call = false;
        const std::string* imported = nullptr;
        bool through_pointer = false;
    };

    /// Calls out of the function that begins there.
    [[nodiscard]] std::vector<edge> calls_of(std::uint32_t begin) const {
        std::vector<edge> found;
        const std::uint32_t end = end_of(begin);
        auto bytes = of_.bytes_at(begin);
        bytes = bytes.first(std::min<std::size_t>(bytes.size(), end - begin));
        const auto byte = [&](std::size_t index) { return std::to_integer<unsigned>(bytes[index]); };
        // The one instruction that is surely one is the first. A stub that diverts begins with the address of its
        // function (lea r10, [rip + distance]), and any distance may look like a call.
        constexpr std::size_t lea_length = 7;
        const bool is_lea =
            bytes.size() > lea_length && (byte(0) & 0xf8u) == 0x48 && byte(1) == 0x8d && (byte(2) & 0xc7u) == 5;
        for (std::size_t at = is_lea ? lea_length : 0; at + 5 <= bytes.size(); ++at) {
            const unsigned first = byte(at);
            if (first == 0xe8 || first == 0xe9 || (first == 0x0f && (byte(at + 1) & 0xf0u) == 0x80)) {
                const std::size_t length = first == 0x0f ? 6 : 5;
                const auto target = relative(bytes, at + length - 4, begin);
                if (!target) {
                    continue;
                }
                const bool inside = *target >= begin && *target < end;
                if (is_begin(*target) && (!inside || (first == 0xe8 && *target == begin))) {
                    found.push_back({*target, first == 0xe8, nullptr, false});
                } else if (!inside || first == 0xe8) {
                    continue;
                }
                at += length - 1; // what follows is no instruction
            } else if (first == 0xff) {
                const unsigned operation = byte(at + 1) >> 3 & 7u;
                const bool relative_slot = (byte(at + 1) & 0xc7u) == 5;
                const auto slot = relative_slot ? relative(bytes, at + 2, begin) : std::nullopt;
                if (const std::string* const name = slot ? of_.imported_by(*slot) : nullptr) {
                    found.push_back({0, operation == 2, name, false});
                } else if (operation == 2) {
                    found.push_back({0, true, nullptr, true});
                }
            }
        }
        return found;
    }

    /// Of the function that begins there.
    const need& need_of(std::uint32_t begin) {
        const auto known = needs_.find(begin);
        if (known != needs_.end()) {
            return known->second;
        }
        needs_[begin] = {need::unbounded, begin, "calls itself"}; // until it is known
        need found = compute(begin);
        return needs_[begin] = std::move(found);
    }

    [[nodiscard]] std::optional<std::uint64_t> frame_of(std::uint32_t begin) const {
        const auto entry = entries_.find(begin);
        return entry != entries_.end() ? frame(entry->second) : 0;
    }

    [[nodiscard]] bool is_covered(std::uint32_t begin) const {
        return of_.covered().contains(begin) || begins_with_check(begin);
    }
    [[nodiscard]] const std::vector<std::uint32_t>& begins() const { return begins_; }

    /// Whether it is known to look after its room by itself, or to be made it.
    [[nodiscard]] bool is_trusted(std::uint32_t begin) const {
        const std::string& name = of_.name_of(begin);
        return compiler::is_moors_own(name) || compiler::is_bound_to_frame(name) || compiler::is_leaf(name) ||
               compiler::is_before_all(name);
    }

private:
    std::optional<std::uint32_t> relative(std::span<const std::byte> bytes, std::size_t at, std::uint32_t begin) const {
        const auto distance = unwind::read_at<std::int32_t>(bytes, at);
        if (!distance) {
            return std::nullopt;
        }
        return static_cast<std::uint32_t>(static_cast<std::int64_t>(begin) + static_cast<std::int64_t>(at) + 4 +
                                          *distance);
    }
    [[nodiscard]] bool is_begin(std::uint32_t rva) const {
        return std::binary_search(begins_.begin(), begins_.end(), rva);
    }
    // Of what has no unwind data, up to the next thing with a name.
    [[nodiscard]] std::uint32_t end_of(std::uint32_t begin) const {
        const auto entry = entries_.find(begin);
        if (entry != entries_.end()) {
            return entry->second.end;
        }
        const auto next = std::upper_bound(begins_.begin(), begins_.end(), begin);
        for (const unwind::image_section& each : of_.headers().sections) {
            if (each.part.contains(begin)) {
                return next != begins_.end() ? std::min(*next, each.part.end) : each.part.end;
            }
        }
        return begin;
    }

    // cmp rsp, gs:[28h] or lea r11, [rsp-N]; cmp r11, gs:[28h].
    [[nodiscard]] bool begins_with_check(std::uint32_t begin) const {
        constexpr unsigned char small[] = {0x65, 0x48, 0x3b, 0x24, 0x25, 0x28, 0, 0, 0};
        constexpr unsigned char large[] = {0x65, 0x4c, 0x3b, 0x1c, 0x25, 0x28, 0, 0, 0};
        const auto bytes = of_.bytes_at(begin);
        const auto is_at = [&](std::size_t at, const unsigned char(&wanted)[9]) {
            return bytes.size() >= at + 9 && std::memcmp(bytes.data() + at, wanted, 9) == 0;
        };
        return is_at(0, small) || is_at(8, large) || is_at(5, large);
    }

    // Bytes of pushes and of the fixed part; nothing when the rest varies or cannot be read.
    [[nodiscard]] std::optional<std::uint64_t> frame(const unwind::function_entry& entry) const {
        const auto info = of_.read<unwind::unwind_info>(entry.unwind);
        if (!info) {
            return std::nullopt;
        }
        std::uint64_t bytes = 0;
        for (unsigned index = 0; index < info->code_count;) {
            const std::uint64_t at = entry.unwind + 4u + index * 2u;
            const auto code = of_.read<unwind::unwind_code>(at);
            const unsigned slots = code ? code->slots(info->version()) : 0;
            if (slots == 0) {
                return std::nullopt;
            }
            switch (code->operation()) {
            case unwind::unwind_operation::push_nonvolatile: bytes += 8; break;
            case unwind::unwind_operation::allocate_small: bytes += code->info() * 8u + 8u; break;
            case unwind::unwind_operation::allocate_large:
                bytes += code->info() == 0 ? of_.read<std::uint16_t>(at + 2).value_or(0) * std::uint64_t{8}
                                           : of_.read<std::uint32_t>(at + 2).value_or(0);
                break;
            default: break;
            }
            index += slots;
        }
        if (info->is_chained()) {
            const auto whole = of_.read<unwind::function_entry>(std::uint64_t{entry.unwind} + info->chained_at());
            const auto more = whole ? frame(*whole) : std::nullopt;
            return more ? std::optional(bytes + *more) : std::nullopt;
        }
        return bytes;
    }

    need compute(std::uint32_t begin) {
        const auto no_bound = [](std::uint32_t through, std::string why) {
            return need{need::unbounded, through, std::move(why)};
        };
        const auto own = frame_of(begin);
        if (!own) {
            return no_bound(0, "has unwind data that makes no sense");
        }
        need most{*own, 0, {}};
        for (const edge& each : calls_of(begin)) {
            if (each.call && entries_.count(begin) == 0) {
                return no_bound(0, "has no unwind data, although it calls others"); // a linker may have lost it
            }
            if (each.through_pointer) {
                return no_bound(0, "calls through a pointer");
            }
            if (each.imported != nullptr) {
                if (compiler::is_leaf(*each.imported)) {
                    continue;
                }
                return no_bound(0, "calls " + *each.imported + " of a DLL");
            }
            if (is_covered(each.target) || is_trusted(each.target)) {
                continue;
            }
            if (of_.name_of(each.target) == "___chkstk_ms" && has_frame_register(begin)) {
                return no_bound(0, "has a frame whose size varies");
            }
            const need& below = need_of(each.target);
            if (!below.bounded()) {
                return no_bound(each.target, {});
            }
            const std::uint64_t bytes = (each.call ? *own + 8 : 0) + below.bytes;
            if (bytes > most.bytes) {
                most = {bytes, each.target, {}};
            }
        }
        return most;
    }

    [[nodiscard]] bool has_frame_register(std::uint32_t begin) const {
        const auto entry = entries_.find(begin);
        const auto info = entry != entries_.end() ? of_.read<unwind::unwind_info>(entry->second.unwind) : std::nullopt;
        return info && info->frame_register() != 0;
    }

    const image& of_;
    std::map<std::uint32_t, unwind::function_entry> entries_;
    std::vector<std::uint32_t> begins_;
    std::unordered_map<std::uint32_t, need> needs_;
};

// The calls that are wrong, each with its chain, to standard error. Returns how many.
unsigned report(const image& of, const std::string& path) {
    call_graph graph(of);
    unsigned count = 0;
    const auto begin_report = [&](std::uint32_t from) -> std::ostream& {
        ++count;
        return std::cerr << "moor: " << path << ": " << readable(of.name_of(from))
                         << " has stack checks, and calls without"
                         << " being diverted:\n";
    };
    for (const std::uint32_t from : graph.begins()) {
        if (!of.is_code(from) || !graph.is_covered(from) || compiler::is_promised(of.name_of(from))) {
            continue;
        }
        for (const call_graph::edge& each : graph.calls_of(from)) {
            if (each.imported != nullptr) {
                if (!compiler::is_leaf(*each.imported)) {
                    begin_report(from) << "    " << *each.imported << " of a DLL\n";
                }
                continue;
            }
            if (each.target == 0 || graph.is_covered(each.target) || graph.is_trusted(each.target)) {
                continue;
            }
            const need& needed = graph.need_of(each.target);
            if (needed.bounded() && needed.bytes + 8 <= room) {
                continue;
            }
            std::ostream& out = begin_report(from);
            std::set<std::uint32_t> shown;
            for (std::uint32_t at = each.target; at != 0; at = graph.need_of(at).through) {
                const need& here = graph.need_of(at);
                out << "    " << readable(of.name_of(at)) << ", a frame of " << graph.frame_of(at).value_or(0)
                    << " bytes" << (here.why.empty() ? "" : ", ") << here.why << "\n";
                if (!shown.insert(at).second) {
                    out << "    and so on in a circle\n";
                    break;
                }
            }
            if (needed.bounded()) {
                out << "    " << needed.bytes + 8 << " bytes together, " << room << " are there\n";
            }
        }
    }
    return count;
}

int check(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::vector<char> text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    std::vector<std::byte> file(text.size());
    std::memcpy(file.data(), text.data(), text.size());
    auto headers = unwind::read_image_headers(file);
    if (!headers) {
        std::cerr << "moor: " << path << " is no program for 64-bit Windows\n";
        return 2;
    }
    const image read(std::move(file), std::move(*headers));
    if (!read.has_names()) {
        std::cerr << "moor: " << path
                  << " has no symbols, so that its calls cannot be looked at; strip it afterwards\n";
        return 0;
    }
    const unsigned found = report(read, path);
    if (found != 0) {
        std::cerr
            << "moor: compile that code with moor_enable_movable_stacks, or call these through moor::on_system_stack"
            << " (docs/stacks.md, \"Code without checks\")\n";
    }
    return found != 0 ? 1 : 0;
}

} // namespace

int main(int count, char** arguments) {
    int status = count > 1 ? 0 : 2;
    for (int index = 1; index < count; ++index) {
        status = std::max(status, check(arguments[index]));
    }
    return status;
}
