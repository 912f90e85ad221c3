// The address of a thread_local variable is computed wherever the source names it: after suspend() the thread may be
// another. A reference is kept as it is.
// RUN: -O0
// RUN: -O2
// CHECK: define .*named_twice
// CHECK: call .*moor.thread_local.counter
// CHECK: call .*suspend
// CHECK: call .*moor.thread_local.counter
// CHECK: define .*kept
// CHECK: call .*moor.thread_local.counter
// CHECK: call .*suspend
// CHECK: ^ *(%[a-z0-9]+ = add|store)
// CHECK: define internal .*moor.thread_local.counter
thread_local int counter;
void suspend();

int named_twice() {
    const int before = counter;
    suspend();
    return before + counter;
}

void kept() {
    int& here = counter;
    suspend();
    here = 1;
}
