// See planted_numbers.hpp. Compiled with -O2.
#include "stack/planted_numbers_code.hpp"

bool moor::test::planted::hold_optimised(std::uint64_t first, mover move) { return hold(first, move); }
