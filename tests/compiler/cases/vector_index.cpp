// Code generation would put a vector that is indexed by a variable into memory of its own.
// RUN: -O2
// CHECK: moor_data_enter
// NOT: extractelement <4 x float> .*, i(32|64) %
typedef float four __attribute__((vector_size(16)));
float vector_index(four values, int at) { return values[at]; }
