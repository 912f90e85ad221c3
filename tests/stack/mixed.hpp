// A number out of many, for comparing what two stacks have computed.
#pragma once

#include <cstdint>

namespace moor::test {

/// Numbers that depend on the order of what is mixed in.
class mixed {
public:
    template <class Value>
    constexpr mixed& operator<<(Value value) noexcept {
        value_ = (value_ ^ static_cast<std::uint64_t>(value)) * 0x9e3779b97f4a7c15ull;
        value_ ^= value_ >> 32;
        return *this;
    }
    [[nodiscard]] constexpr std::uint64_t value() const noexcept { return value_; }

private:
    std::uint64_t value_ = 0x243f6a8885a308d3ull;
};

} // namespace moor::test
