// The names of reasons why an attempt to preempt was refused; see moor/preempt.hpp.
#include <moor/preempt.hpp>

namespace moor {

const char* to_string(preempt_refusal reason) noexcept {
    switch (reason) {
    case preempt_refusal::no_scope: return "no_scope";
    case preempt_refusal::forbidden: return "forbidden";
    case preempt_refusal::in_runtime: return "in_runtime";
    case preempt_refusal::exception_in_flight: return "exception_in_flight";
    case preempt_refusal::system_active: return "system_active";
    case preempt_refusal::being_stepped: return "being_stepped";
    case preempt_refusal::other_stack: return "other_stack";
    case preempt_refusal::other_image: return "other_image";
    case preempt_refusal::too_deep: return "too_deep";
    case preempt_refusal::bad_frames: return "bad_frames";
    case preempt_refusal::no_memory: return "no_memory";
    case preempt_refusal::system_refuses: return "system_refuses";
    }
    return "";
}

} // namespace moor
