// See call_counter.hpp.
#include "compare/call_counter.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "win/error.hpp"

namespace moor::bench::compare {
namespace {

constexpr std::size_t stub_size = 8; // what is replaced
constexpr std::array<unsigned char, 4> stub_beginning{0x4c, 0x8b, 0xd1, 0xb8};
constexpr std::size_t thunk_size = 24; // lock inc (8), the stub's beginning (8), jmp (5), padding
constexpr std::size_t page_size = 4096;
constexpr std::uintptr_t allocation_unit = 65536;
constexpr std::uintptr_t reach = 0x7000'0000; // less than two gibibytes, with room for ntdll and the block

std::size_t whole_pages(std::size_t bytes) { return (bytes + page_size - 1) / page_size * page_size; }

// The distance that an instruction ending at `end` needs to get to `target`.
std::int32_t relative(std::uintptr_t target, std::uintptr_t end) {
    return static_cast<std::int32_t>(static_cast<std::int64_t>(target) - static_cast<std::int64_t>(end));
}

void put(std::vector<unsigned char>& code, std::initializer_list<unsigned char> bytes) {
    code.insert(code.end(), bytes);
}

void put_relative(std::vector<unsigned char>& code, std::uintptr_t code_address, std::uintptr_t target) {
    const std::int32_t distance = relative(target, code_address + code.size() + sizeof distance);
    const auto* const bytes = reinterpret_cast<const unsigned char*>(&distance);
    code.insert(code.end(), bytes, bytes + sizeof distance);
}

void read_memory(HANDLE process, std::uintptr_t from, void* into, std::size_t size) {
    SIZE_T count = 0;
    if (::ReadProcessMemory(process, reinterpret_cast<const void*>(from), into, size, &count) == FALSE ||
        count != size) {
        win::throw_last_error("ReadProcessMemory");
    }
}

void write_memory(HANDLE process, std::uintptr_t to, const void* from, std::size_t size) {
    SIZE_T count = 0;
    if (::WriteProcessMemory(process, reinterpret_cast<void*>(to), from, size, &count) == FALSE || count != size) {
        win::throw_last_error("WriteProcessMemory");
    }
}

// Memory in the process from which `near_to` can be reached, and the other way round.
std::uintptr_t allocate_near(HANDLE process, std::uintptr_t near_to, std::size_t size) {
    const std::uintptr_t lowest = near_to > reach ? near_to - reach : allocation_unit;
    for (std::uintptr_t at = lowest / allocation_unit * allocation_unit; at < near_to + reach;) {
        MEMORY_BASIC_INFORMATION region{};
        if (::VirtualQueryEx(process, reinterpret_cast<void*>(at), &region, sizeof region) == 0) {
            break;
        }
        const std::uintptr_t end = reinterpret_cast<std::uintptr_t>(region.BaseAddress) + region.RegionSize;
        if (region.State == MEM_FREE && at + size <= end) {
            void* const made = ::VirtualAllocEx(process, reinterpret_cast<void*>(at), size, MEM_RESERVE | MEM_COMMIT,
                                                PAGE_EXECUTE_READWRITE);
            if (made != nullptr) {
                return reinterpret_cast<std::uintptr_t>(made);
            }
            at += allocation_unit; // what is free may still be refused
            continue;
        }
        at = (std::max(end, at + 1) + allocation_unit - 1) / allocation_unit * allocation_unit;
    }
    throw std::runtime_error("no memory near ntdll.dll");
}

// No thread of a process runs as long as this lives.
class suspended {
public:
    explicit suspended(HANDLE process) : process_(process) { call("NtSuspendProcess"); }
    ~suspended() { call("NtResumeProcess"); }
    suspended(const suspended&) = delete;
    suspended& operator=(const suspended&) = delete;

private:
    void call(const char* name) {
        using function = LONG(NTAPI*)(HANDLE);
        const auto address = ::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), name);
        if (address != nullptr) {
            reinterpret_cast<function>(reinterpret_cast<void*>(address))(process_);
        }
    }

    HANDLE process_;
};

} // namespace

call_counter::call_counter(HANDLE process) : process_(process), stubs_(find_stubs()) {
    check_same_code();
    build_block();
    patch();
}

call_counts call_counter::read() const {
    std::vector<std::uint64_t> numbers(stubs_.size());
    read_memory(process_, counters_, numbers.data(), numbers.size() * sizeof numbers.front());
    call_counts result;
    for (std::size_t index = 0; index < stubs_.size(); ++index) {
        if (numbers[index] != 0) {
            result.emplace(stubs_[index].name, numbers[index]);
        }
    }
    return result;
}

std::vector<call_counter::stub> call_counter::find_stubs() {
    const auto base = reinterpret_cast<std::uintptr_t>(::GetModuleHandleW(L"ntdll.dll"));
    const auto* const dos = reinterpret_cast<const IMAGE_DOS_HEADER*>(base);
    const auto* const headers =
        reinterpret_cast<const IMAGE_NT_HEADERS64*>(base + static_cast<std::uintptr_t>(dos->e_lfanew));
    const IMAGE_DATA_DIRECTORY& directory = headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_EXPORT];
    const auto* const exports = reinterpret_cast<const IMAGE_EXPORT_DIRECTORY*>(base + directory.VirtualAddress);
    const auto* const names = reinterpret_cast<const DWORD*>(base + exports->AddressOfNames);
    const auto* const ordinals = reinterpret_cast<const WORD*>(base + exports->AddressOfNameOrdinals);
    const auto* const functions = reinterpret_cast<const DWORD*>(base + exports->AddressOfFunctions);
    std::vector<stub> stubs;
    for (DWORD index = 0; index < exports->NumberOfNames; ++index) {
        const auto* const name = reinterpret_cast<const char*>(base + names[index]);
        const std::uintptr_t address = base + functions[ordinals[index]];
        if (std::string_view(name).starts_with("Nt") &&
            std::memcmp(reinterpret_cast<const void*>(address), stub_beginning.data(), stub_beginning.size()) == 0) {
            stubs.push_back({name, address});
        }
    }
    if (stubs.empty()) {
        throw std::runtime_error("ntdll.dll has no system calls of the known form");
    }
    // A function with several names is counted under the first of them.
    std::sort(stubs.begin(), stubs.end(), [](const stub& left, const stub& right) {
        return std::pair(left.address, std::string_view(left.name)) <
               std::pair(right.address, std::string_view(right.name));
    });
    stubs.erase(std::unique(stubs.begin(), stubs.end(),
                            [](const stub& left, const stub& right) { return left.address == right.address; }),
                stubs.end());
    return stubs;
}

void call_counter::check_same_code() const {
    const std::uintptr_t begin = stubs_.front().address;
    std::vector<unsigned char> theirs(stubs_.back().address + stub_size - begin);
    read_memory(process_, begin, theirs.data(), theirs.size());
    for (const stub& checked : stubs_) {
        if (std::memcmp(&theirs[checked.address - begin], reinterpret_cast<const void*>(checked.address), stub_size) !=
            0) {
            throw std::runtime_error(checked.name + " is not the same in the other process");
        }
    }
}

void call_counter::build_block() {
    const std::size_t code_size = whole_pages(stubs_.size() * thunk_size);
    const std::size_t counters_size = whole_pages(stubs_.size() * sizeof(std::uint64_t));
    block_ = allocate_near(process_, stubs_.front().address, code_size + counters_size);
    // Not beside the code: a processor that writes next to what it runs starts over each time.
    counters_ = block_ + code_size;
    std::vector<unsigned char> code;
    for (std::size_t index = 0; index < stubs_.size(); ++index) {
        const std::uintptr_t counter = counters_ + index * sizeof(std::uint64_t);
        put(code, {0xf0, 0x48, 0xff, 0x05}); // lock inc qword ptr [rip + ...]: at a function's entry flags are free
        put_relative(code, block_, counter);
        const auto* const replaced = reinterpret_cast<const unsigned char*>(stubs_[index].address);
        code.insert(code.end(), replaced, replaced + stub_size);
        put(code, {0xe9}); // jmp
        put_relative(code, block_, stubs_[index].address + stub_size);
        code.resize((index + 1) * thunk_size, 0xcc);
    }
    write_memory(process_, block_, code.data(), code.size());
}

void call_counter::patch() const {
    const std::uintptr_t begin = stubs_.front().address;
    const std::size_t size = stubs_.back().address + stub_size - begin;
    DWORD protection = 0;
    if (::VirtualProtectEx(process_, reinterpret_cast<void*>(begin), size, PAGE_EXECUTE_READWRITE, &protection) ==
        FALSE) {
        win::throw_last_error("VirtualProtectEx");
    }
    {
        const suspended all(process_);
        std::vector<unsigned char> whole(size); // all at once: each write may be a round trip
        read_memory(process_, begin, whole.data(), size);
        for (std::size_t index = 0; index < stubs_.size(); ++index) {
            std::vector<unsigned char> jump{0xe9};
            put_relative(jump, stubs_[index].address, block_ + index * thunk_size);
            jump.resize(stub_size, 0x90);
            std::copy(jump.begin(), jump.end(),
                      whole.begin() + static_cast<std::ptrdiff_t>(stubs_[index].address - begin));
        }
        write_memory(process_, begin, whole.data(), size);
    }
    ::FlushInstructionCache(process_, reinterpret_cast<void*>(begin), size);
    DWORD ignored = 0;
    ::VirtualProtectEx(process_, reinterpret_cast<void*>(begin), size, protection, &ignored);
}

call_counts difference(const call_counts& before, const call_counts& after) {
    call_counts result;
    for (const auto& [name, count] : after) {
        const auto found = before.find(name);
        const std::uint64_t old = found == before.end() ? 0 : found->second;
        if (count > old) {
            result.emplace(name, count - old);
        }
    }
    return result;
}

} // namespace moor::bench::compare
