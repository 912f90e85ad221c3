// Places in the code where something atomic is done, and the faults that can be planted there without touching the
// source: a memory order that is weaker, or an update that is a load and a store.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace moor::model {

enum class access : std::uint8_t { load, store, update, fence };

struct site_use {
    access kind{};
    std::memory_order order{};

    bool operator<(const site_use& other) const noexcept {
        return kind != other.kind ? kind < other.kind : order < other.order;
    }
};

/// The fault that an exploration has, if any.
struct planted {
    enum class kind : std::uint8_t { none, relaxed, acquire_release, split };

    kind what = kind::none;
    std::set<const void*> at;

    [[nodiscard]] bool splits(const void* site) const noexcept { return what == kind::split && at.count(site) != 0; }
    [[nodiscard]] std::memory_order order_at(const void* site, std::memory_order order) const noexcept;
};

/// What was executed, by where it returns to: the compiler may have made several of one place in the source.
using executed_sites = std::map<const void*, site_use>;

/// A place in the source.
struct source_place {
    std::string file; // from the library's folder on
    unsigned line = 0;
    std::string function; // as the compiler names it, without its parameters

    bool operator<(const source_place& other) const noexcept {
        return line != other.line ? line < other.line : file < other.file;
    }
};

/// Finds out where they are in the source, all at once, since that takes a while.
void look_up(const executed_sites& sites);

/// Where a call returns to, in the source: the innermost line of the library.
[[nodiscard]] source_place place_of(const void* site);

/// Faults for all executed sites in one of those files.
struct plantable {
    source_place where;
    site_use use;
    planted fault;
    [[nodiscard]] std::string describe() const;
};
[[nodiscard]] std::vector<plantable> plantable_faults(const executed_sites& executed,
                                                      const std::vector<std::string_view>& files);

[[nodiscard]] const char* name_of(std::memory_order order) noexcept;

} // namespace moor::model
