// Room for the C runtime's allocator on stacks that move. The linker's --wrap option leads the calls of a program that
// was set up with moor_enable_movable_stacks through here, those of operator new and of the C++ library included; on a
// stack that moves they run on the worker's own (law 6).
//
// Rejected: the linker's __real_ names for the runtime's functions. They come from a DLL, and lld leads its imports
// back to the wrappers.
#include <atomic>
#include <cstddef>
#include <cstring>

#include "stack/allocator_room.hpp"
#include "win/error.hpp"
#include "win/loader.hpp"
#include "win/system_stack.hpp"
#include "win/windows.hpp"

extern "C" __declspec(dllimport) int* __cdecl _errno(void);

namespace {

// The C runtime's DLL: whichever this program's imports of it come from.
HMODULE c_runtime() noexcept {
    const void* const image = moor::win::image_of(reinterpret_cast<const void*>(&_errno));
    return static_cast<HMODULE>(const_cast<void*>(image));
}

// One of its functions, looked up on first use, which is long before any coroutine exists. Constant-initialised, since
// the runtime allocates before it runs initialisers.
template <class Signature>
class runtime_function;

template <class Result, class... Arguments>
class runtime_function<Result(Arguments...)> {
public:
    explicit constexpr runtime_function(const char* name) noexcept : name_(name) {}

    Result operator()(Arguments... arguments) noexcept {
        pointer function = function_.load(std::memory_order_relaxed); // the same whoever looks it up
        if (function == nullptr) {
            function = find();
        }
        return moor::win::call_on_system_stack([&] { return function(arguments...); });
    }

private:
    using pointer = Result(__cdecl*)(Arguments...);

    pointer find() noexcept {
        // By way of void*: compilers warn of a direct cast between types of functions.
        // NOLINTNEXTLINE(bugprone-casting-through-void)
        const auto found = reinterpret_cast<pointer>(reinterpret_cast<void*>(::GetProcAddress(c_runtime(), name_)));
        if (found == nullptr) {
            moor::win::fatal("the C runtime's allocator was not found");
        }
        function_.store(found, std::memory_order_relaxed);
        return found;
    }

    const char* name_;
    std::atomic<pointer> function_{nullptr};
};

constinit runtime_function<void*(std::size_t)> malloc_of_runtime("malloc");
constinit runtime_function<void*(std::size_t, std::size_t)> calloc_of_runtime("calloc");
constinit runtime_function<void*(void*, std::size_t)> realloc_of_runtime("realloc");
constinit runtime_function<void(void*)> free_of_runtime("free");
constinit runtime_function<std::size_t(void*)> size_of_block("_msize");
constinit runtime_function<void*(std::size_t, std::size_t)> aligned_malloc_of_runtime("_aligned_malloc");
constinit runtime_function<void(void*)> aligned_free_of_runtime("_aligned_free");

} // namespace

extern "C" {
void* __wrap_malloc(std::size_t bytes) { return malloc_of_runtime(bytes); }
void* __wrap_calloc(std::size_t count, std::size_t bytes) { return calloc_of_runtime(count, bytes); }
void* __wrap_realloc(void* block, std::size_t bytes) { return realloc_of_runtime(block, bytes); }
void __wrap_free(void* block) {
    if (block != nullptr && moor::stack::clear_freed_blocks.load(std::memory_order_relaxed)) [[unlikely]] {
        std::memset(block, 0, size_of_block(block));
    }
    free_of_runtime(block);
}
void* __wrap__aligned_malloc(std::size_t bytes, std::size_t alignment) {
    return aligned_malloc_of_runtime(bytes, alignment);
}
void __wrap__aligned_free(void* block) { aligned_free_of_runtime(block); }
}
