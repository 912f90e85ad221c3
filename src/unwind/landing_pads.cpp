// Reads the tables that GCC and Clang write for C++'s exception handler (the call sites of an LSDA), with every read
// checked (law 3).
#include "unwind/landing_pads.hpp"

#include <optional>

#include "unwind/function_address.hpp"

#if !defined(_MSC_VER)
extern "C" void __gxx_personality_seh0(); // of the C++ library; what it takes is of no interest here
#endif

namespace moor::unwind {
namespace {

// How the tables' numbers are written (DW_EH_PE_...).
constexpr std::uint8_t omitted = 0xff;
constexpr std::uint8_t uleb128 = 0x01;
constexpr std::uint8_t four_bytes = 0x03;

class table_reader {
public:
    table_reader(const code_image& image, std::uint64_t rva) noexcept : image_(image), at_(rva) {}

    // Nothing is read any more once something could not be.
    [[nodiscard]] bool good() const noexcept { return good_; }
    [[nodiscard]] std::uint64_t at() const noexcept { return at_; }

    std::uint8_t byte() noexcept { return take<std::uint8_t>(); }
    std::uint64_t number(std::uint8_t encoding) noexcept {
        if (encoding == four_bytes) {
            return take<std::uint32_t>();
        }
        good_ = good_ && encoding == uleb128;
        std::uint64_t value = 0;
        for (unsigned shift = 0; good_ && shift < 64; shift += 7) {
            const std::uint8_t each = byte();
            value |= std::uint64_t{each & 0x7fu} << shift;
            if ((each & 0x80u) == 0) {
                return value;
            }
        }
        good_ = false;
        return 0;
    }

private:
    template <class T>
    T take() noexcept {
        const std::optional<T> found = good_ ? image_.read<T>(at_) : std::nullopt;
        good_ = found.has_value();
        at_ += sizeof(T);
        return found.value_or(T{});
    }

    const code_image& image_;
    std::uint64_t at_;
    bool good_ = true;
};

// The handler of C++, or 0.
std::uint64_t known_handler() noexcept {
#if defined(_MSC_VER)
    return 0;
#else
    return without_jump(reinterpret_cast<const void*>(&__gxx_personality_seh0));
#endif
}

} // namespace

bool may_have_landing_pad(const code_image& image, const function_entry& part, const code_image::located_info& info,
                          std::uint64_t return_address) noexcept {
    if (!info.info.has_handler()) {
        return false;
    }
    table_reader table(image, std::uint64_t{info.rva} + info.info.handler_at());
    const std::uint64_t handler = image.base() + table.number(four_bytes);
    const std::uint8_t base_of_pads = table.byte();
    if (!table.good() || without_jump(reinterpret_cast<const void*>(handler)) != known_handler() ||
        base_of_pads != omitted) {
        return true;
    }
    if (table.byte() != omitted) { // how types are written; where they lie
        table.number(uleb128);
    }
    const std::uint8_t encoding = table.byte();
    const std::uint64_t bytes = table.number(uleb128);
    const std::uint64_t end = table.at() + bytes;
    const std::uint64_t call = return_address - 1 - (image.base() + part.begin);
    while (table.good() && table.at() < end) {
        const std::uint64_t first = table.number(encoding);
        const std::uint64_t length = table.number(encoding);
        const std::uint64_t pad = table.number(encoding);
        table.number(uleb128); // what it does
        if (call - first < length) {
            return !table.good() || pad != 0;
        }
    }
    return !table.good(); // no exception may leave a call that is not in the table: the process ends
}

} // namespace moor::unwind
