// pe_function_table <image file>...: checks the table of functions of each.
#include <algorithm>
#include <iostream>

#include "tools/pe_function_table.hpp"

int main(int count, char** arguments) {
    int status = count > 1 ? 0 : 2;
    for (int index = 1; index < count; ++index) {
        status = std::max(status, moor::test::check_function_table(arguments[index], std::cout));
    }
    return status;
}
