// What becomes a call with arguments in memory is set apart in a function that does nothing else.
// RUN: -O2
// CHECK: call i128 @moor.apart
// CHECK: define internal i128 @moor.apart
// CHECK: sdiv i128
void keep();
__int128 wide_division(__int128 one, __int128 other) {
    keep();
    return one / other;
}
