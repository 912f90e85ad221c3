// Stands in for the system's header of that name: what the modelled files use of it is in win/windows.hpp.
#pragma once
