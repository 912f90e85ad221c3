// RUN: -O0
// RUN: -O2
// ERROR: moor: the address of a frame does not work on a stack that moves
void* refused() { return __builtin_frame_address(0); }
