// Stands in for vcruntime's header of this name where there is no Visual Studio: what the C++ standard library asks of it.
// Only for reading the sources in MSVC mode; nothing is linked against it.
#pragma once

#include <sal.h>
#include <vadefs.h>

#define _CRT_BEGIN_C_HEADER extern "C" {
#define _CRT_END_C_HEADER }
#define _HAS_EXCEPTIONS 1
