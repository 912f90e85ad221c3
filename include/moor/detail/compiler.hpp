// The one public header that knows compilers.
#pragma once

// A member of an empty class takes no room. Compilers for the MSVC ABI ignore the standard attribute, or do not know
// it.
#if defined(_MSC_VER)
#define MOOR_NO_UNIQUE_ADDRESS [[msvc::no_unique_address]]
#else
#define MOOR_NO_UNIQUE_ADDRESS [[no_unique_address]]
#endif
