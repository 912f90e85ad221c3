# Lets a program in Go run under Wine 8, which lacks two things that Go asks for: the library bcryptprimitives.dll, of
# which a program takes its random seeds when it starts (the function of advapi32.dll that older versions of Go called
# is used instead), and SIO_UDP_NETRESET, which is set once for a UDP socket (its failure is ignored). Nothing that a
# job measures is touched. Built on Windows, the program is what every user of Go gets.
#
# The changed copies of Go's own files are laid over the originals by `go build -overlay`. Uses moor_go and
# moor_go_environment, adds to moor_go_options.
execute_process(
    COMMAND "${CMAKE_COMMAND}" -E env ${moor_go_environment} "${moor_go}" env GOROOT OUTPUT_VARIABLE moor_go_root
    OUTPUT_STRIP_TRAILING_WHITESPACE)
set(moor_go_overlay "")

# Replaces texts in a file of Go's library, given in pairs: before, after.
function(moor_go_change file)
    set(original "${moor_go_root}/src/${file}")
    string(REPLACE "/" "_" name "${file}")
    set(changed "${CMAKE_CURRENT_BINARY_DIR}/${name}.txt")
    file(READ "${original}" text)
    set(untouched "${text}")
    while(ARGN)
        list(POP_FRONT ARGN before after)
        string(REPLACE "${before}" "${after}" text "${text}")
    endwhile()
    if(text STREQUAL untouched)
        message(STATUS "Go's ${file} is not as expected: it stays as it is.")
        return()
    endif()
    file(CONFIGURE OUTPUT "${changed}" CONTENT "@text@" @ONLY)
    list(APPEND moor_go_overlay "\"${original}\": \"${changed}\"")
    set(moor_go_overlay "${moor_go_overlay}" PARENT_SCOPE)
endfunction()

moor_go_change(
    runtime/os_windows.go #
    "'b', 'c', 'r', 'y', 'p', 't', 'p', 'r', 'i', 'm', 'i', 't', 'i', 'v', 'e', 's', '.'" #
    "'a', 'd', 'v', 'a', 'p', 'i', '3', '2', '.'" #
    "\"ProcessPrng\\000\"" #
    "\"SystemFunction036\\000\"")
moor_go_change(
    net/fd_windows.go #
    "err = syscall.WSAIoctl(fd.pfd.Sysfd, windows.SIO_UDP_NETRESET" #
    "_ = syscall.WSAIoctl(fd.pfd.Sysfd, windows.SIO_UDP_NETRESET")
list(JOIN moor_go_overlay ", " moor_go_overlay)
file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/overlay.json" CONTENT "{\"Replace\": {@moor_go_overlay@}}\n" @ONLY)
list(APPEND moor_go_options -overlay "${CMAKE_CURRENT_BINARY_DIR}/overlay.json" -ldflags
     "-X 'main.runtimeNote=, its library changed in two places to start on old Wine'")
