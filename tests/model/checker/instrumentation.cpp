// What the compiler calls in instrumented code, as it would call the thread sanitizer's library: every access becomes a
// step of the execution, or is looked at. So are memory, thread-local variables and what a scenario calls.
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <new>

#include "execution.hpp"

using moor::model::execution;

namespace {

std::uintptr_t address_of(const volatile void* object) noexcept { return reinterpret_cast<std::uintptr_t>(object); }

std::memory_order order_of(int order) noexcept { return static_cast<std::memory_order>(order & 0x7fff); }

void plain(const void* address, std::size_t bytes, bool writes, const void* site) {
    if (execution* const now = execution::current()) {
        now->plain(address_of(address), bytes, writes, site);
    }
}

// Before each block of memory: its size.
constexpr std::size_t header = 16;
constexpr std::uint64_t of_execution = 0x6d6f64656c000000;

void* allocate(std::size_t bytes, std::size_t alignment) {
    const std::size_t room = alignment > header ? alignment : header;
    void* memory = nullptr;
    execution* const now = execution::current();
    if (now != nullptr) {
        memory = now->allocate(bytes + room, room);
    } else if (::posix_memalign(&memory, room, (bytes + room + room - 1) / room * room) != 0) {
        std::abort();
    }
    auto* const block = static_cast<std::byte*>(memory) + room;
    reinterpret_cast<std::uint64_t*>(block)[-2] = bytes;
    reinterpret_cast<std::uint64_t*>(block)[-1] = room | (now != nullptr ? of_execution : 0);
    return block;
}

void deallocate(void* block) noexcept {
    if (block == nullptr) {
        return;
    }
    const std::uint64_t bytes = static_cast<std::uint64_t*>(block)[-2];
    const std::uint64_t kind = static_cast<std::uint64_t*>(block)[-1];
    if ((kind & of_execution) != of_execution) {
        std::free(static_cast<std::byte*>(block) - kind);
    } else if (execution* const now = execution::current()) {
        now->deallocate(block, bytes);
    }
}

} // namespace

#define MOOR_MODEL_PLAIN(BYTES)                                                                                        \
    void __tsan_read##BYTES(void* address) { plain(address, BYTES, false, __builtin_return_address(0)); }              \
    void __tsan_write##BYTES(void* address) { plain(address, BYTES, true, __builtin_return_address(0)); }              \
    void __tsan_unaligned_read##BYTES(void* address) { plain(address, BYTES, false, __builtin_return_address(0)); }    \
    void __tsan_unaligned_write##BYTES(void* address) { plain(address, BYTES, true, __builtin_return_address(0)); }

#define MOOR_MODEL_UPDATE(BITS, NAME, EXPRESSION)                                                                      \
    std::uint##BITS##_t __tsan_atomic##BITS##_##NAME(volatile std::uint##BITS##_t* object, std::uint##BITS##_t value,  \
                                                     int order) {                                                      \
        execution* const now = execution::current();                                                                   \
        if (now == nullptr) {                                                                                          \
            const std::uint##BITS##_t before = *object;                                                                \
            *object = static_cast<std::uint##BITS##_t>(EXPRESSION);                                                    \
            return before;                                                                                             \
        }                                                                                                              \
        return static_cast<std::uint##BITS##_t>(now->update(                                                           \
            address_of(object), BITS / 8, order_of(order), __builtin_return_address(0), [value](std::uint64_t was) {   \
                const auto before = static_cast<std::uint##BITS##_t>(was);                                             \
                return static_cast<std::uint64_t>(static_cast<std::uint##BITS##_t>(EXPRESSION));                       \
            }));                                                                                                       \
    }

// Outside of an execution there is one thread.
#define MOOR_MODEL_ATOMIC(BITS)                                                                                        \
    std::uint##BITS##_t __tsan_atomic##BITS##_load(const volatile std::uint##BITS##_t* object, int order) {            \
        execution* const now = execution::current();                                                                   \
        return now == nullptr ? *object                                                                                \
                              : static_cast<std::uint##BITS##_t>(now->load(                                            \
                                    address_of(object), BITS / 8, order_of(order), __builtin_return_address(0)));      \
    }                                                                                                                  \
    void __tsan_atomic##BITS##_store(volatile std::uint##BITS##_t* object, std::uint##BITS##_t value, int order) {     \
        if (execution* const now = execution::current()) {                                                             \
            now->store(address_of(object), BITS / 8, value, order_of(order), __builtin_return_address(0));             \
        } else {                                                                                                       \
            *object = value;                                                                                           \
        }                                                                                                              \
    }                                                                                                                  \
    std::uint##BITS##_t __tsan_atomic##BITS##_compare_exchange_val(                                                    \
        volatile std::uint##BITS##_t* object, std::uint##BITS##_t expected, std::uint##BITS##_t desired, int success,  \
        int failure) {                                                                                                 \
        if (execution* const now = execution::current()) {                                                             \
            return static_cast<std::uint##BITS##_t>(                                                                   \
                now->compare_exchange(address_of(object), BITS / 8, expected, desired, order_of(success),              \
                                      order_of(failure), __builtin_return_address(0)));                                \
        }                                                                                                              \
        const std::uint##BITS##_t before = *object;                                                                    \
        if (before == expected) {                                                                                      \
            *object = desired;                                                                                         \
        }                                                                                                              \
        return before;                                                                                                 \
    }                                                                                                                  \
    MOOR_MODEL_UPDATE(BITS, exchange, (static_cast<void>(before), value))                                              \
    MOOR_MODEL_UPDATE(BITS, fetch_add, before + value)                                                                 \
    MOOR_MODEL_UPDATE(BITS, fetch_sub, before - value)                                                                 \
    MOOR_MODEL_UPDATE(BITS, fetch_and, before& value)                                                                  \
    MOOR_MODEL_UPDATE(BITS, fetch_or, before | value)                                                                  \
    MOOR_MODEL_UPDATE(BITS, fetch_xor, before ^ value)

// The names are the compiler's.
// NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" {

MOOR_MODEL_PLAIN(1)
MOOR_MODEL_PLAIN(2)
MOOR_MODEL_PLAIN(4)
MOOR_MODEL_PLAIN(8)
MOOR_MODEL_PLAIN(16)
MOOR_MODEL_ATOMIC(8)
MOOR_MODEL_ATOMIC(16)
MOOR_MODEL_ATOMIC(32)
MOOR_MODEL_ATOMIC(64)

void __tsan_atomic_thread_fence(int order) {
    if (execution* const now = execution::current()) {
        now->fence(order_of(order), __builtin_return_address(0));
    }
}

void __tsan_atomic_signal_fence(int) {}
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_read(void** object) { plain(static_cast<void*>(object), 8, false, __builtin_return_address(0)); }
void __tsan_vptr_update(void** object, void* table) {
    if (*object != table) {
        plain(static_cast<void*>(object), 8, true, __builtin_return_address(0));
    }
}

void* __tsan_memset(void* to, int value, std::size_t bytes) {
    plain(to, bytes, true, __builtin_return_address(0));
    return __builtin_memset(to, value, bytes);
}
void* __tsan_memcpy(void* to, const void* from, std::size_t bytes) {
    plain(from, bytes, false, __builtin_return_address(0));
    plain(to, bytes, true, __builtin_return_address(0));
    return __builtin_memcpy(to, from, bytes);
}
void* __tsan_memmove(void* to, const void* from, std::size_t bytes) {
    plain(from, bytes, false, __builtin_return_address(0));
    plain(to, bytes, true, __builtin_return_address(0));
    return __builtin_memmove(to, from, bytes);
}

struct emulated_variable {
    std::size_t bytes;
    std::size_t alignment;
    void* outside; // of an execution
    const void* initial;
};

// Where a thread_local variable of the calling thread is, in code compiled with -femulated-tls.
void* __emutls_get_address(emulated_variable* variable) {
    if (execution* const now = execution::current()) {
        return now->thread_local_of(variable, variable->bytes, variable->alignment, variable->initial);
    }
    if (variable->outside == nullptr) {
        variable->outside = allocate(variable->bytes, variable->alignment);
        if (variable->initial != nullptr) {
            __builtin_memcpy(variable->outside, variable->initial, variable->bytes);
        } else {
            __builtin_memset(variable->outside, 0, variable->bytes);
        }
    }
    return variable->outside;
}
}
// NOLINTEND(bugprone-reserved-identifier)

void* operator new(std::size_t bytes) { return allocate(bytes, 16); }
void* operator new[](std::size_t bytes) { return allocate(bytes, 16); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
    return allocate(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return allocate(bytes, 16); }
void operator delete(void* block) noexcept { deallocate(block); }
void operator delete[](void* block) noexcept { deallocate(block); }
void operator delete(void* block, std::size_t) noexcept { deallocate(block); }
void operator delete[](void* block, std::size_t) noexcept { deallocate(block); }
void operator delete(void* block, std::align_val_t) noexcept { deallocate(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { deallocate(block); }

namespace moor::model {

void start_thread(std::function<void()> body) { execution::current()->start_thread(std::move(body)); }
void join_threads() { execution::current()->join_threads(); }
void require(bool holds, const char* what) { execution::current()->require(holds, what); }
void outcome(unsigned number) { execution::current()->outcome(number); }
unsigned choose(unsigned count) { return execution::current()->choose(count); }
void wait_for_a_store() { execution::current()->wait_for_a_store(); }
void block_while_equal(const void* address, std::size_t bytes, std::uint64_t value) {
    execution::current()->block_while_equal(address_of(address), static_cast<std::uint8_t>(bytes), value);
}
std::size_t current_thread() noexcept { return execution::current()->thread(); }

} // namespace moor::model
