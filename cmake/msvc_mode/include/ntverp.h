// Wine's SDK headers lack this one.
#pragma once

#define VER_PRODUCTBUILD 10011
