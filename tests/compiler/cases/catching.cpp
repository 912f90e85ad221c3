// A landing pad takes back what the frames below it left, also in a function without locals in memory.
// RUN: -O1 -fexceptions
// CHECK: landingpad
// CHECK: call void @moor_data_rewind
// NOT: moor_data_enter
void may_throw();
int catching() {
    try {
        may_throw();
    } catch (...) {
        return 1;
    }
    return 0;
}
