// alloca and arrays of variable length take from the data stack, and what they took goes with the function.
// RUN: -O0 -Wno-vla -Wno-vla-extension -Wno-vla-cxx-extension
// RUN: -O2 -Wno-vla -Wno-vla-extension -Wno-vla-cxx-extension
// CHECK: call .*@moor_data_allocate\(i64
// CHECK: moor_data_leave
// NOT: call .*stacksave
void keep(void*);
void variable_length(int count) {
    int words[count];
    keep(words);
    keep(__builtin_alloca(count));
}
