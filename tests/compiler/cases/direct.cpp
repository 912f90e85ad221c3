// Loads and stores at constant offsets leave a local where it is, and need no data frame.
// RUN: -O0
// RUN: -O2
// NOT: moor_data
volatile int seen;
int direct() {
    volatile int words[4];
    words[3] = 1;
    seen = words[3];
    words[0] = seen;
    return words[0];
}
