// The symbol that tells a program of another compiler that it has the wrong library.
#include <moor/detail/built_by.hpp>

#if defined(MOOR_LIBRARY_BUILT_BY)
extern "C" {
const char MOOR_LIBRARY_BUILT_BY = 1;
}
#endif
