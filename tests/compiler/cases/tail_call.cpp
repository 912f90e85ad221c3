// A call that uses no local of its caller's stays the last thing of a function with a data frame.
// RUN: -O2
// CHECK: musttail call .*@_Z5afteri
// CHECK: ret i32
void keep(void*);
int after(int);
int tail_call(int value) {
    int local = value;
    keep(&local);
    [[clang::musttail]] return after(local);
}
