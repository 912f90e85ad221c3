// Alignment beyond that of frames is made within the frame, which is that much larger: 64 - 16 + 128.
// RUN: -O2
// CHECK: and i64 .*, -64
// CHECK: moor_data_enter\(i64 176\)
// NOT: = alloca
struct alignas(64) page {
    char bytes[128];
};
void keep(void*);
void over_aligned() {
    page local;
    keep(&local);
}
