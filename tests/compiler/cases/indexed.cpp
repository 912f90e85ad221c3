// A local that is indexed by a variable is in a data frame, although nobody else sees it.
// RUN: -O0
// RUN: -O2
// CHECK: moor_data_enter
int indexed(int at, int value) {
    volatile int words[8];
    words[at] = value;
    return words[at / 2];
}
