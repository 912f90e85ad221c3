// What loader_test.cpp calls of a DLL that has moor inside.
#pragma once

namespace moor::test {

struct plugin {
    void (*use_for_a_moment)();
    void (*keep_a_runtime)(); ///< until dropped, or else in a static object
    void (*drop_the_runtime)();
    void (*call_at_unload)(void (*function)()); ///< from the destructor of a static object
};

/// Of the function that the DLL exports as moor_test_plugin.
using plugin_function = const plugin* (*)();

} // namespace moor::test
