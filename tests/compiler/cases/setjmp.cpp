// RUN: -O0
// RUN: -O2
// ERROR: moor: setjmp does not work on a stack that moves
extern "C" __attribute__((returns_twice)) int setjmp(void*);
void keep(void*);
int refused() {
    long long buffer[32];
    keep(buffer);
    return setjmp(buffer);
}
