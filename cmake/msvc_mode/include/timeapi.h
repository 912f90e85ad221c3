// Wine's SDK headers lack this one; its functions stand in mmsystem.h there.
#pragma once

#include <mmsystem.h>
