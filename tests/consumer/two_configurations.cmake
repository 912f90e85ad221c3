# Two configurations may be installed into one prefix: what the install scripts of both would write there is compared,
# and no archive may have the same name. The other one is only configured.
include("${CMAKE_CURRENT_LIST_DIR}/steps.cmake")
set(directory "${BINARY}/consumer/two_configurations")

function(installed_archives build result)
    file(STRINGS "${build}/cmake_install.cmake" lines REGEX "file\\(INSTALL.*\\.(a|lib)\"")
    string(REGEX MATCHALL "[^/\"]+\\.(a|lib)\"" archives "${lines}")
    if(archives STREQUAL "")
        message(FATAL_ERROR "no archive is installed by ${build}/cmake_install.cmake")
    endif()
    set(${result} "${archives}" PARENT_SCOPE)
endfunction()

installed_archives("${BINARY}" before)
set(CONFIGURATIONS Debug Release RelWithDebInfo MinSizeRel)
list(REMOVE_ITEM CONFIGURATIONS "${CONFIG}")
foreach(CONFIG IN LISTS CONFIGURATIONS)
    compiler_options(compiler)
    execute_process(
        COMMAND "${CMAKE_COMMAND}" -S "${SOURCE}" -B "${directory}" ${compiler} -D MOOR_BUILD_TESTS=OFF
                -D MOOR_BUILD_BENCH=OFF -D MOOR_BUILD_EXAMPLES=OFF
        OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
    installed_archives("${directory}" now)
    message(STATUS "${CONFIG}: ${now}")
    foreach(archive IN LISTS now)
        if(archive IN_LIST before)
            message(FATAL_ERROR "${CONFIG} overwrites ${archive} of another configuration")
        endif()
    endforeach()
    list(APPEND before ${now})
endforeach()
