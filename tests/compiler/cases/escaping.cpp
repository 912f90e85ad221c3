// A local whose address goes to a call is in a data frame: taken at the beginning, given back at the end.
// RUN: -O0
// RUN: -O2
// CHECK: define .*@_Z8escapingv\(.* section "\.movable"
// CHECK: load volatile i32.*@moor_data_slot
// CHECK: getelementptr i8.* -32
// CHECK: icmp ult
// CHECK: call .*@_Z4keepPv
// CHECK: load volatile i32.*@moor_data_slot
// CHECK: icmp eq
// CHECK: ret i32
// CHECK: call preserve_mostcc .*@moor_data_enter\(i64 32\)
// CHECK: call preserve_mostcc .*@moor_data_leave\(.*, i64 32\)
void keep(void*);
int escaping() {
    int words[5] = {1};
    keep(words);
    return words[1];
}
