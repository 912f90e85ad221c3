// A variadic function becomes a function that is given the address of its arguments, copied to the data stack.
// RUN: -O0
// RUN: -O2
// CHECK: define .*@_Z8variadiciz\(
// CHECK: call .*@moor_data_variadic
// CHECK: call .*@_Z8variadiciz.body
// CHECK: define internal .*@_Z8variadiciz.body\(
int use(__builtin_va_list list);
int variadic(int count, ...) {
    __builtin_va_list list;
    __builtin_va_start(list, count);
    const int result = use(list);
    __builtin_va_end(list);
    return result + count;
}
