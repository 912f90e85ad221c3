// RUN: -O2
// CHECK: call void @moor.apart
// CHECK: define internal void @moor.apart
long double long_double(long double value) { return __builtin_floorl(value); }
