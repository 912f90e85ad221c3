// An inline function's section is named after it, because the linker finds its unwind data by that.
// RUN: -O0
// CHECK: define linkonce_odr .*@_Z6sharedPi\(.* section "\.movable\$_Z6sharedPi" comdat
void keep(void*);
inline int shared(int* of) {
    keep(of);
    return *of;
}
int use(int* of) { return shared(of); }
