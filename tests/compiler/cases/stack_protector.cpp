// The guard of -fstack-protector is mixed with the frame's address: it is switched off.
// RUN: -O1 -fstack-protector-all
// CHECK: define .*@_Z7guardedv
// NOT: sspreq
void keep(void*);
void guarded() {
    char bytes[64];
    keep(bytes);
}
