// RUN: -O2
// CHECK: call x86_64_sysvcc x86_fp80 @moor.apart
// CHECK: define internal x86_64_sysvcc x86_fp80 @moor.apart
long double long_double(long double value) { return __builtin_floorl(value); }
