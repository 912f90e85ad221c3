// RUN: -O2 -mavx
// ERROR: moor: a vector of more than 128 bits in a register argument does not work
typedef float eight __attribute__((vector_size(32)));
float __attribute__((vectorcall)) refused(eight values) { return values[0]; }
