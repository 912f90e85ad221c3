# Third-party code that only tests and benchmarks need: a function for each, which makes its target unless there is one. After
# dependencies.cmake; a project that adds moor as a folder may call them, too (bench/comparison).

# --- GoogleTest
function(moor_need_googletest)
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
endfunction()

# --- Google Benchmark
function(moor_need_google_benchmark)
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
endfunction()

# --- Boost.JSON, compiled here in one file; the benchmarks' report reads and writes JSON, and so do its tests
function(moor_need_boost_json)
    if(TARGET moor_boost_json)
        return()
    endif()
    set(moor_boost_json_include "")
    if(MOOR_FIND_PACKAGES)
        find_path(MOOR_BOOST_JSON_INCLUDE boost/json/src.hpp)
        mark_as_advanced(MOOR_BOOST_JSON_INCLUDE)
        if(MOOR_BOOST_JSON_INCLUDE)
            set(moor_boost_json_include "${MOOR_BOOST_JSON_INCLUDE}")
        endif()
    endif()
    if(NOT moor_boost_json_include)
        moor_fetch_source(boost_json moor_boost_json_dir)
        set(moor_boost_json_include "${moor_boost_json_dir}/include")
    endif()
    file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/boost_json/boost_json.cpp" CONTENT "#include <boost/json/src.hpp>\n")
    add_library(moor_boost_json STATIC "${PROJECT_BINARY_DIR}/boost_json/boost_json.cpp")
    moor_foreign_library(moor_boost_json)
    target_include_directories(moor_boost_json SYSTEM PUBLIC "${moor_boost_json_include}")
    target_compile_definitions(moor_boost_json PUBLIC BOOST_ALL_NO_LIB BOOST_JSON_STATIC_LINK BOOST_CONTAINER_STATIC_LINK)
endfunction()
