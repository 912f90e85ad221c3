// The optimiser passes what a reference refers to by value; Windows' convention would pass the address of a temporary.
// RUN: -O3
// RUN: -O3 -mavx
// CHECK: call .*@_ZL3sumRKDv8_f\((ptr|<8 x float>\*)
// CHECK: moor_data_enter
// CHECK: define internal .*@_ZL3sumRKDv8_f\((ptr|<8 x float>\*)
typedef float eight __attribute__((vector_size(32)));
void keep();
[[gnu::noinline]] static float sum(const eight& of) {
    const float result = of[0] + of[1] + of[2] + of[7];
    keep();
    return result;
}
float vector_argument(const eight& one, const eight& other) {
    const eight both = one + other;
    return sum(both);
}
