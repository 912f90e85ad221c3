// See planted_numbers.hpp. Compiled with -O0 -fno-omit-frame-pointer.
#include "stack/planted_numbers_code.hpp"

bool moor::test::planted::hold_unoptimised(std::uint64_t first, mover move) { return hold(first, move); }
