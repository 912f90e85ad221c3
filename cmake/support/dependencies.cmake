# Third-party code: fmt::fmt and moor_fcontext (Boost.Context's raw switch) for the library, GTest::gmock for the tests,
# benchmark::benchmark for the benchmarks. A package that is already installed is preferred; otherwise the pinned source
# archive is fetched and only what is needed is compiled here, without warnings.
include(fetch_source)

# A cross build must not pick up packages of the host.
set(moor_find_packages_default ON)
if(CMAKE_CROSSCOMPILING)
    set(moor_find_packages_default OFF)
endif()
option(MOOR_FIND_PACKAGES "Use installed packages of the dependencies where there are any" ${moor_find_packages_default})

# Gives a fetched dependency the treatment of foreign code.
function(moor_foreign_library target)
    set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL ON CXX_CLANG_TIDY "")
    if(MSVC)
        target_compile_options(${target} PRIVATE /w /utf-8)
    else()
        target_compile_options(${target} PRIVATE -w)
    endif()
    target_compile_features(${target} PUBLIC cxx_std_20)
endfunction()

# --- fmt
set(MOOR_FMT_FOUND OFF)
if(NOT TARGET fmt::fmt AND MOOR_FIND_PACKAGES)
    find_package(fmt 9 QUIET CONFIG)
endif()
if(TARGET fmt::fmt)
    set(MOOR_FMT_FOUND ON)
else()
    moor_fetch_source(fmt moor_fmt_dir)
    add_library(moor_fmt STATIC "${moor_fmt_dir}/src/format.cc" "${moor_fmt_dir}/src/os.cc")
    add_library(fmt::fmt ALIAS moor_fmt)
    moor_foreign_library(moor_fmt)
    target_include_directories(moor_fmt SYSTEM PUBLIC $<BUILD_INTERFACE:${moor_fmt_dir}/include>)
endif()

# --- Boost.Context: three assembly files and one header
if(WIN32)
    set(MOOR_BOOST_FOUND OFF)
    if(MOOR_FIND_PACKAGES)
        find_package(Boost 1.74 QUIET COMPONENTS context)
    endif()
    if(TARGET Boost::context)
        set(MOOR_BOOST_FOUND ON)
        add_library(moor_fcontext INTERFACE)
        target_link_libraries(moor_fcontext INTERFACE Boost::context)
    else()
        moor_fetch_source(boost moor_boost_dir)
        set(moor_fcontext_sources)
        if(MSVC)
            enable_language(ASM_MASM)
            foreach(part IN ITEMS jump make ontop)
                list(APPEND moor_fcontext_sources "${moor_boost_dir}/asm/${part}_x86_64_ms_pe_masm.asm")
            endforeach()
        else()
            enable_language(ASM)
            foreach(part IN ITEMS jump make ontop)
                # The files ask the linker to export the function. In a static library that would turn off the
                # exports of a DLL that links it, so the request is cut.
                file(READ "${moor_boost_dir}/asm/${part}_x86_64_ms_pe_clang_gas.S" text)
                string(REGEX REPLACE "\n\\.section \\.drectve[^\n]*\n\\.ascii[^\n]*" "" text "${text}")
                set(file "${PROJECT_BINARY_DIR}/fcontext/${part}_fcontext.S")
                file(CONFIGURE OUTPUT "${file}" CONTENT "${text}" @ONLY)
                list(APPEND moor_fcontext_sources "${file}")
            endforeach()
        endif()
        add_library(moor_fcontext STATIC ${moor_fcontext_sources})
        set_target_properties(moor_fcontext PROPERTIES EXCLUDE_FROM_ALL ON)
        if(MSVC)
            target_compile_definitions(moor_fcontext PRIVATE BOOST_CONTEXT_EXPORT=)
        endif()
        target_include_directories(moor_fcontext SYSTEM INTERFACE $<BUILD_INTERFACE:${moor_boost_dir}/include>)
    endif()
    target_compile_definitions(moor_fcontext INTERFACE BOOST_ALL_NO_LIB)
endif()

# --- GoogleTest
if(MOOR_BUILD_TESTS)
    if(NOT TARGET GTest::gmock AND MOOR_FIND_PACKAGES)
        find_package(GTest 1.12 QUIET CONFIG)
    endif()
    if(NOT TARGET GTest::gmock)
        moor_fetch_source(googletest moor_googletest_dir)
        add_library(
            moor_googletest STATIC "${moor_googletest_dir}/googletest/src/gtest-all.cc"
                                   "${moor_googletest_dir}/googlemock/src/gmock-all.cc")
        add_library(moor_gmock_main STATIC "${moor_googletest_dir}/googlemock/src/gmock_main.cc")
        add_library(GTest::gtest ALIAS moor_googletest)
        add_library(GTest::gmock ALIAS moor_googletest)
        add_library(GTest::gmock_main ALIAS moor_gmock_main)
        moor_foreign_library(moor_googletest)
        moor_foreign_library(moor_gmock_main)
        target_include_directories(
            moor_googletest SYSTEM
            PUBLIC "${moor_googletest_dir}/googletest/include" "${moor_googletest_dir}/googlemock/include"
            PRIVATE "${moor_googletest_dir}/googletest" "${moor_googletest_dir}/googlemock")
        if(MSVC)
            target_compile_definitions(moor_googletest PUBLIC _SILENCE_TR1_NAMESPACE_DEPRECATION_WARNING)
        else()
            find_package(Threads REQUIRED)
            target_compile_definitions(moor_googletest PUBLIC GTEST_HAS_PTHREAD=1)
            target_link_libraries(moor_googletest PUBLIC Threads::Threads)
        endif()
        target_link_libraries(moor_gmock_main PUBLIC moor_googletest)
    endif()
endif()

# --- Google Benchmark
if(WIN32 AND MOOR_BUILD_BENCH)
    if(NOT TARGET benchmark::benchmark AND MOOR_FIND_PACKAGES)
        find_package(benchmark QUIET CONFIG)
    endif()
    if(NOT TARGET benchmark::benchmark)
        moor_fetch_source(benchmark moor_benchmark_dir)
        file(GLOB moor_benchmark_sources "${moor_benchmark_dir}/src/*.cc")
        list(FILTER moor_benchmark_sources EXCLUDE REGEX "benchmark_main\\.cc$")
        add_library(moor_benchmark STATIC ${moor_benchmark_sources})
        add_library(benchmark::benchmark ALIAS moor_benchmark)
        moor_foreign_library(moor_benchmark)
        target_include_directories(moor_benchmark SYSTEM PUBLIC "${moor_benchmark_dir}/include")
        target_compile_definitions(
            moor_benchmark
            PUBLIC BENCHMARK_STATIC_DEFINE
            PRIVATE HAVE_STD_REGEX HAVE_STEADY_CLOCK NDEBUG)
        target_link_libraries(moor_benchmark PUBLIC shlwapi)
    endif()
endif()
