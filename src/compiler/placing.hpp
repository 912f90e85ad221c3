// The steps of the pass that places locals (place_locals.cpp, where its rule is), and what they share. C++17: they are
// compiled for the machine that builds, against the LLVM of the Clang in use.
#pragma once

#include <cstdint>

#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/DataLayout.h>
#include <llvm/IR/DerivedTypes.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>

namespace moor::compiler {

constexpr std::uint64_t frame_alignment = 16; // of every data frame, bytes

// ---- What escapes: escaping.cpp -----------------------------------------------------------------------------------

/// Whether `address`, which is `offset` bytes into an object of `size`, is used by nothing but loads and stores within
/// it.
[[nodiscard]] bool only_direct(const llvm::Value& address, std::int64_t offset, std::uint64_t size,
                               const llvm::DataLayout& layout);

[[nodiscard]] bool stays_on_control_stack(const llvm::AllocaInst& local, const llvm::DataLayout& layout);

/// Reports what cannot be rewritten as an error of the compiler. True when the function is not to be looked at further.
[[nodiscard]] bool refuse_what_cannot_move(llvm::Function& function);

// ---- Arguments in memory: arguments.cpp ---------------------------------------------------------------------------

/// Whether the variadic function is a thunk, which jumps to another one with the arguments where they are.
[[nodiscard]] bool passes_arguments_on(llvm::Function& function);

/// Makes two functions of a variadic one; returns the second, which has the body.
llvm::Function* split_variadic(llvm::Function& function);

/// Vectors and long doubles of a function's parameters are passed by address. Returns what takes the function's place.
llvm::Function* pass_by_address(llvm::Function& function);

/// Whether the convention passes values of that type by the address of a temporary.
[[nodiscard]] inline bool goes_by_address(const llvm::Type* type) {
    return type->isVectorTy() || type->isX86_FP80Ty() || type->isFP128Ty();
}

// ---- Temporaries of code generation: temporaries.cpp --------------------------------------------------------------

void index_vectors_in_memory(llvm::Function& function);

/// Adds the functions that are made to `made`.
void set_temporaries_apart(llvm::Function& function, llvm::SmallVectorImpl<llvm::Function*>& made);

// ---- Frames on the data stack: data_frames.cpp --------------------------------------------------------------------

void place_locals_of(llvm::Function& function);

// ---- Shared -------------------------------------------------------------------------------------------------------

#if LLVM_VERSION_MAJOR >= 16
template <class T>
std::uint64_t fixed(const T& size) {
    return size.getFixedValue();
}
#else
template <class T>
std::uint64_t fixed(const T& size) {
    return size.getFixedSize();
}
#endif

inline llvm::Type* byte_pointer(llvm::LLVMContext& context) {
    return llvm::PointerType::get(llvm::Type::getInt8Ty(context), 0);
}

} // namespace moor::compiler
