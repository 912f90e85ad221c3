// Stands in for the C runtime's header of this name (see vcruntime.h).
#pragma once

#include <vcruntime_new.h>

typedef int(__cdecl* _PNH)(size_t);
