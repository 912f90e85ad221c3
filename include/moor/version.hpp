// The version of moor: macros for the preprocessor, constants for everything else.
//
// The three numbers stand here and nowhere else; CMakeLists.txt reads them. Versions with the same major and minor
// number are compatible, as find_package takes it.
#pragma once

#include <string_view>

#define MOOR_VERSION_MAJOR 0 ///< differs when the interface breaks; while it is 0, the minor number does that
#define MOOR_VERSION_MINOR 1 ///< grows with the interface
#define MOOR_VERSION_PATCH 0 ///< grows with each correction

/// One number that grows with the version, for comparisons: 10203 is 1.2.3.
#define MOOR_VERSION (MOOR_VERSION_MAJOR * 10000 + MOOR_VERSION_MINOR * 100 + MOOR_VERSION_PATCH)

#define MOOR_DETAIL_TEXT_OF(number) #number
#define MOOR_DETAIL_JOIN(major, minor, patch)                                                                          \
    MOOR_DETAIL_TEXT_OF(major) "." MOOR_DETAIL_TEXT_OF(minor) "." MOOR_DETAIL_TEXT_OF(patch)
/// The version as a string literal: "0.1.0".
#define MOOR_VERSION_STRING MOOR_DETAIL_JOIN(MOOR_VERSION_MAJOR, MOOR_VERSION_MINOR, MOOR_VERSION_PATCH)

namespace moor {

/// MOOR_VERSION: the version of the headers that the program was compiled with.
inline constexpr int version = MOOR_VERSION;

/// The same as text.
inline constexpr std::string_view version_string = MOOR_VERSION_STRING;

} // namespace moor
