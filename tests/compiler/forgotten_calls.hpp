// Functions whose need of stack the check of linked programs has to find out.
#pragma once

#include <cstdint>

extern "C" {
std::uint64_t small_leaf(std::uint64_t);
std::uint64_t small_stub(std::uint64_t);
std::uint64_t small_chain(std::uint64_t);     ///< less than the checks leave, together
std::uint64_t large_frame(std::uint64_t);     ///< by itself too much
std::uint64_t large_chain(std::uint64_t);     ///< together too much
std::uint64_t circle(std::uint64_t);          ///< calls itself by way of another
std::uint64_t itself(std::uint64_t);          ///< calls itself
std::uint64_t through_pointer(std::uint64_t); ///< calls whatever it is told to
std::uint64_t into_dll(std::uint64_t);
std::uint64_t varying(std::uint64_t);   ///< alloca
std::uint64_t tail_call(std::uint64_t); ///< jumps to large_frame
}
