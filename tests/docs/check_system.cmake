# Law 7, from the sources: fails when two files below ROOT/src or ROOT/include name the same function of the system, when
# one is neither in the table of system calls nor in the list below, when a function of the table is named anywhere but in
# the table's own file, or when anything but the clock's files reads time. Comments and strings do not count. The compiler's
# passes (src/compiler) are programs of their own.
cmake_minimum_required(VERSION 3.25)
if(NOT ROOT)
    message(FATAL_ERROR "ROOT is not given")
endif()
cmake_path(ABSOLUTE_PATH ROOT NORMALIZE)

set(table "src/win/system_calls.cpp")
set(clock "src/win/clock.cpp" "src/win/clock.hpp")
# What does no I/O, opens nothing that lasts, waits for nobody and wakes nobody needs no place in the table.
set(outside_the_table
    # Memory, and stopping other threads: doors of their own.
    VirtualAlloc VirtualFree SuspendThread ResumeThread GetThreadContext SetThreadContext
    # The calling thread and its process.
    GetCurrentProcess GetCurrentProcessId GetCurrentThread DuplicateHandle SetThreadPriority FlushProcessWriteBuffers
    TlsAlloc TlsFree TlsGetValue TlsSetValue FlsAlloc FlsSetValue timeBeginPeriod timeEndPeriod
    # A lock, between threads of the library alone.
    TryAcquireSRWLockExclusive AcquireSRWLockExclusive ReleaseSRWLockExclusive
    # The end of the process, its errors and reports: seen whatever stands in for the system.
    TerminateProcess WriteFile GetStdHandle GetLastError FormatMessageA AddVectoredExceptionHandler RemoveVectoredExceptionHandler
    SetUnhandledExceptionFilter
    # Questions about the machine, the process, its threads, modules, heaps and code.
    GetProcessAffinityMask GetProcessGroupAffinity GetActiveProcessorCount GetProcessMitigationPolicy
    CreateToolhelp32Snapshot Thread32First Thread32Next GetModuleHandleW GetModuleHandleExW GetModuleFileNameA
    GetModuleFileNameW K32EnumProcessModules GetSystemDirectoryW GetProcAddress FreeLibrary RtlDllShutdownInProgress
    GetProcessHeaps HeapLock HeapUnlock HeapWalk VirtualQuery RtlPcToFileHeader RtlLookupFunctionEntry RtlVirtualUnwind
    RtlCaptureContext
    # Reckoning.
    RtlNtStatusToDosError htons ntohs htonl strnlen _wcsnicmp)

# What several files name all the same: it has to be called by the very function whose frame it is about.
set(functions_of_several_files RtlCaptureContext)

# Time, in every spelling that C++, C, the processor and Windows have for it. The clock's own `now` and `cycles` aside; so
# is the `now` of the clock that a user gives a time point of.
set(time_is_read "[A-Za-z_]+::now[ ]*\\(|_?_rdtscp?[^A-Za-z0-9_]|QueryPerformance|QueryUnbiasedInterrupt"
                 "|QueryInterruptTime|GetTickCount|GetSystemTime|GetLocalTime|timeGetTime|NtQuerySystemTime|[^A-Za-z0-9_]clock_get"
                 "|gettimeofday|timespec_get|std::time[ ]*\\(|std::clock[ ]*\\(|this_thread::sleep")
list(JOIN time_is_read "" time_is_read)
set(no_reading "^(detail|Clock)::now[ ]*\\($")

# The code of a file alone, as one string without semicolons.
function(read_code file result)
    file(READ "${file}" text)
    string(REPLACE ";" " " text "${text}")
    string(REPLACE "[" "(" text "${text}")
    string(REPLACE "]" ")" text "${text}")
    string(REPLACE "\\\\" " " text "${text}")
    string(REPLACE "\\\"" " " text "${text}")
    string(REPLACE "'\"'" " " text "${text}")
    string(REGEX REPLACE "\"[^\"\n]*\"" "\"\"" text "${text}")
    string(REGEX REPLACE "//[^\n]*" "" text "${text}")
    string(REPLACE "(" "( " text "${text}") # each match below begins with a character of its own
    set(${result} "\n${text}" PARENT_SCOPE)
endfunction()

file(GLOB_RECURSE sources RELATIVE "${ROOT}" "${ROOT}/src/*.hpp" "${ROOT}/src/*.cpp" "${ROOT}/include/*.hpp")
list(FILTER sources EXCLUDE REGEX "^src/compiler/")

# ---- Who names what ------------------------------------------------------------------------------------------------
# The library's style calls the system's functions by their global names: ::CreateEventW(...).
set(functions)
set(readings_of_time 0)
foreach(source IN LISTS sources)
    read_code("${ROOT}/${source}" code)
    string(REGEX MATCHALL "[^A-Za-z0-9_>:)]::[A-Za-z_][A-Za-z0-9_]*[^A-Za-z0-9_:]" named "${code}")
    list(TRANSFORM named REPLACE "^.::([A-Za-z0-9_]*).$" "\\1")
    list(FILTER named EXCLUDE REGEX "^(new|delete|operator|moor_.*)$")
    list(REMOVE_DUPLICATES named)
    foreach(function IN LISTS named)
        list(APPEND functions ${function})
        list(APPEND files_of_${function} "${source}")
    endforeach()

    # One that is called without the colons would be missed: none is.
    string(REGEX MATCHALL "[^A-Za-z0-9_:.>&~][A-Z][A-Za-z0-9]*[a-z][A-Z][A-Za-z0-9]*[ ]*\\(" bare "${code}")
    list(TRANSFORM bare REPLACE "^.([A-Za-z0-9]*)[ ]*.$" "\\1")
    list(REMOVE_DUPLICATES bare)
    foreach(function IN LISTS bare)
        # The declaration of a function that no header has.
        if(NOT code MATCHES "(__stdcall|__cdecl|NTAPI) ${function}[ ]*\\(")
            message(SEND_ERROR "${source} calls ${function} without ::")
        endif()
    endforeach()

    string(REGEX MATCHALL "${time_is_read}" read "${code}")
    list(FILTER read EXCLUDE REGEX "${no_reading}")
    list(LENGTH read count)
    if(source IN_LIST clock)
        math(EXPR readings_of_time "${readings_of_time} + ${count}")
    elseif(count GREATER 0)
        message(SEND_ERROR "${source} reads time by itself: ${read}. Law 7: by moor::detail::now() or win::cycles()")
    endif()
endforeach()
list(REMOVE_DUPLICATES functions)
foreach(function IN LISTS outside_the_table)
    if(NOT function IN_LIST functions)
        message(SEND_ERROR "${function} is listed as outside the table, and nobody calls it")
    endif()
endforeach()

set(of_table)
foreach(function IN LISTS functions)
    list(LENGTH files_of_${function} count)
    if(table IN_LIST files_of_${function})
        list(APPEND of_table ${function})
    elseif(NOT function IN_LIST outside_the_table)
        message(SEND_ERROR "${files_of_${function}} calls the system's ${function}, which is neither in the table of system "
                           "calls (${table}) nor one of those that this script lists as outside")
    endif()
    if(count GREATER 1 AND NOT function IN_LIST functions_of_several_files)
        message(SEND_ERROR "${function} is a function of the system that several files name: ${files_of_${function}}")
    endif()
endforeach()

# ---- The table's functions, by any spelling --------------------------------------------------------------------------
set(names ${of_table})
list(FILTER names INCLUDE REGEX "[A-Z]") # bind, listen and their like are names of the library's own functions, too
list(JOIN names "|" names)
foreach(source IN LISTS sources)
    if(NOT source STREQUAL table)
        read_code("${ROOT}/${source}" code)
        string(REGEX MATCHALL "[^A-Za-z0-9_](${names})[^A-Za-z0-9_]" named "${code}")
        if(named)
            message(SEND_ERROR "${source} names functions that belong to ${table}: ${named}")
        endif()
    endif()
endforeach()

# ---- Whether all this was seen ---------------------------------------------------------------------------------------
list(LENGTH sources count_of_sources)
list(LENGTH functions count_of_functions)
list(LENGTH of_table count_of_table)
file(READ "${ROOT}/src/win/system_calls.hpp" header)
string(REGEX MATCHALL "\n    [A-Za-z_:]+\\([A-Z_a-z]+\\* [a-z_]+\\)\\(" entries "${header}")
list(LENGTH entries count_of_entries)
if(count_of_sources LESS 150 OR readings_of_time LESS 2)
    message(SEND_ERROR "the sources were not understood: ${count_of_sources} files, ${readings_of_time} readings of time")
endif()
message("${count_of_functions} functions of the system in ${count_of_sources} files, ${count_of_table} of them behind "
        "${count_of_entries} entries of the table; one clock")
