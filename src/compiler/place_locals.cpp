// The compiler pass behind stacks that move: a plugin for Clang (-fpass-plugin), built for the host by
// moor_enable_movable_stacks. It runs after the optimiser and before code generation, together with -fsplit-stack.
//
// Its rule. After it has run, nothing in a function has the address of a place on the control stack (the one that rsp
// points into, which moves): every local variable is either
//   - used by nothing but loads and stores at constant offsets within itself: each of them becomes an instruction that
//     addresses the place relative to rsp or rbp, and no address is ever formed; or
//   - on the data stack (src/stack/data_stack.hpp), which never moves.
// Whatever else would yield such an address is rewritten (arguments passed by value in memory, variadic arguments,
// vectors indexed by a variable, calls for which code generation would make a temporary of its own) or refused with an
// error (setjmp, the address of a frame). So when a function is suspended in a call, no register and no word
// of its frame holds an address of the control stack but saved frame pointers, which unwind data names.
//
// A function with locals on the data stack gets a frame there, of a size known here:
//     cell = TEB[moor_data_slot]; frame = cell->pointer - size; if (frame < cell->limit) frame = moor_data_enter(size);
// and gives it back wherever it returns; landing pads take back what the frames below them left. It is all written
// with ordinary loads and stores, since a coroutine that is interrupted between any two of them goes on with its cell.
//
// All functions go to the section .movable, which says of a return address whether it lies in covered code. Calls of
// other code, and names of inline functions, are the business of divert_calls.cpp, which runs afterwards and adds no
// local.
#include <cstddef>

#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/Module.h>
#include <llvm/Passes/PassBuilder.h>
#if __has_include(<llvm/Passes/PassPlugin.h>)
#include <llvm/Passes/PassPlugin.h>
#endif

#include "compiler/placing.hpp"

using namespace llvm;
using namespace moor::compiler;

namespace {

constexpr const char* section_of_covered_code = ".movable";

void switch_off_what_needs_a_fixed_frame(Function& function) {
    // The guard of a frame is mixed with its address.
    function.removeFnAttr(Attribute::StackProtect);
    function.removeFnAttr(Attribute::StackProtectStrong);
    function.removeFnAttr(Attribute::StackProtectReq);
    // Frames are found by unwind data, which functions that never throw could do without.
#if LLVM_VERSION_MAJOR >= 15
    function.setUWTableKind(UWTableKind::Default);
#else
    function.addFnAttr(Attribute::UWTable);
#endif
}

struct place_locals : PassInfoMixin<place_locals> {
    PreservedAnalyses run(Module& module, ModuleAnalysisManager&) {
        SmallVector<Function*, 64> functions;
        for (Function& each : module) {
            if (!each.isDeclaration() && !each.hasAvailableExternallyLinkage() &&
                !each.hasFnAttribute(Attribute::Naked)) {
                functions.push_back(&each);
            }
        }
        const std::size_t written = functions.size(); // by the programmer; what is made here comes behind
        for (std::size_t index = 0; index != written; ++index) {
            Function& each = *functions[index];
            if (refuse_what_cannot_move(each)) {
                continue;
            }
            if (each.isVarArg()) {
                if (!passes_arguments_on(each)) {
                    functions.push_back(split_variadic(each));
                }
                each.removeFnAttr("split-stack"); // code generation refuses it
            }
        }
        SmallVector<Function*, 4> apart;
        for (Function*& each : functions) {
            each = pass_by_address(*each);
        }
        for (Function* const each : functions) {
            index_vectors_in_memory(*each);
            set_temporaries_apart(*each, apart);
        }
        for (Function* const each : functions) {
            place_locals_of(*each);
        }
        functions.append(apart.begin(), apart.end());
        for (Function* const each : functions) {
            switch_off_what_needs_a_fixed_frame(*each);
            if (!each->hasSection()) {
                // Unwind data of an inline function is found by the linker by what is behind the dollar sign.
                each->setSection(each->hasComdat() ? (section_of_covered_code + Twine('$') + each->getName()).str()
                                                   : section_of_covered_code);
            }
        }
        return PreservedAnalyses::none();
    }
    static bool isRequired() { return true; }
};

} // namespace

extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo llvmGetPassPluginInfo() {
    return {LLVM_PLUGIN_API_VERSION, "place_locals", "1", [](PassBuilder& builder) {
                builder.registerOptimizerLastEPCallback(
                    [](ModulePassManager& manager, auto) { manager.addPass(place_locals()); });
                builder.registerPipelineParsingCallback(
                    [](StringRef name, ModulePassManager& manager, ArrayRef<PassBuilder::PipelineElement>) {
                        if (name != "place-locals") {
                            return false;
                        }
                        manager.addPass(place_locals());
                        return true;
                    });
            }};
}
