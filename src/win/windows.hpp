// The one way to include the Windows headers: in the order that Winsock demands, without macros min and max.
#pragma once

#include <winsock2.h>
// After winsock2.h:
#include <mswsock.h>
#include <ws2tcpip.h>
// After those:
#include <windows.h>
