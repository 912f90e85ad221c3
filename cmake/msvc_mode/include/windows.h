// Wine's windows.h, and what the SDK's has besides, and has not.
#pragma once

#include_next <windows.h>
#undef inline // a macro there, which Microsoft's standard library refuses

#define FILE_SKIP_COMPLETION_PORT_ON_SUCCESS 0x1
#define FILE_SKIP_SET_EVENT_ON_HANDLE 0x2
#define PIPE_REJECT_REMOTE_CLIENTS 0x8

extern "C" {
WORD WINAPI GetActiveProcessorGroupCount();
BOOL WINAPI GetProcessGroupAffinity(HANDLE, USHORT*, USHORT*);
BOOL WINAPI GetProcessHandleCount(HANDLE, DWORD*);
BOOL WINAPI GetProcessMitigationPolicy(HANDLE, PROCESS_MITIGATION_POLICY, void*, SIZE_T);
void* WINAPI RtlPcToFileHeader(void*, void**);
EXCEPTION_DISPOSITION __cdecl __C_specific_handler(EXCEPTION_RECORD*, void*, CONTEXT*, DISPATCHER_CONTEXT*);
}
