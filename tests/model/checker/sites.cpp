// From addresses of instructions to lines of the source, by addr2line, which comes with every compiler's linker.
#include "sites.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <unistd.h>

namespace moor::model {
namespace {

// A path that the compiler has written down, from the folder of the sources on; empty for the standard library's. What
// is before it may be another copy's: a compiler cache does not look at it.
std::string within_the_sources(std::string_view written) {
    const std::string path = std::filesystem::path(written).lexically_normal().string();
    for (const std::string_view folder : {"/src/", "/include/moor/", "/tests/model/"}) {
        if (const std::size_t at = path.rfind(folder); at != std::string::npos && !path.starts_with("/usr/")) {
            return path.substr(at + 1);
        }
    }
    return {};
}

std::string executable() {
    char path[4096];
    const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
    return {path, length > 0 ? static_cast<std::size_t>(length) : 0};
}

std::map<const void*, source_place> known_places;

// addr2line says for each address the address, and then, from the innermost function outwards, its name and the line.
void read_places(FILE* lines) {
    char text[8192];
    source_place* place = nullptr;
    std::string function;
    const auto is_address = [](std::string_view line) { return line.starts_with("0x"); };
    bool is_name = true;
    while (std::fgets(text, sizeof text, lines) != nullptr) {
        const std::string_view line(text, std::strcspn(text, "\n"));
        if (is_address(line)) {
            place = &known_places[reinterpret_cast<const void*>(std::strtoull(text, nullptr, 16) + 1)];
            is_name = true;
        } else if (is_name) {
            function = line.substr(0, line.find('('));
            is_name = false;
        } else {
            is_name = true;
            const std::size_t colon = line.rfind(':');
            const std::string file = within_the_sources(line.substr(0, colon));
            if (place != nullptr && place->line == 0 && !file.empty()) {
                place->file = file;
                place->line = static_cast<unsigned>(std::strtoul(text + colon + 1, nullptr, 10));
                place->function = function;
            }
        }
    }
}

const char* name_of(access kind) noexcept {
    switch (kind) {
    case access::load: return "load";
    case access::store: return "store";
    case access::update: return "update";
    default: return "fence";
    }
}

} // namespace

std::memory_order planted::order_at(const void* site, std::memory_order order) const noexcept {
    if (what == kind::none || what == kind::split || at.count(site) == 0) {
        return order;
    }
    if (what == kind::relaxed || order != std::memory_order_seq_cst) {
        return std::memory_order_relaxed;
    }
    return std::memory_order_acq_rel;
}

void look_up(const executed_sites& sites) {
    std::string command = "addr2line -a -i -f -C -e '" + executable() + "'";
    bool is_needed = false;
    for (const auto& [site, use] : sites) {
        if (known_places.count(site) == 0) {
            char address[32];
            std::snprintf(address, sizeof address, " %#zx",
                          reinterpret_cast<std::uintptr_t>(site) - 1); // the call itself
            command += address;
            is_needed = true;
        }
    }
    if (!is_needed) {
        return;
    }
    FILE* const lines = ::popen(command.c_str(), "r");
    if (lines != nullptr) {
        read_places(lines);
    }
    if (lines == nullptr || ::pclose(lines) != 0) {
        std::fputs("addr2line has failed\n", stderr);
        std::abort();
    }
}

source_place place_of(const void* site) {
    if (known_places.count(site) == 0) {
        look_up({{site, site_use{}}});
    }
    return known_places[site];
}

std::string plantable::describe() const {
    std::string text = where.file + ":" + std::to_string(where.line) + " " + name_of(use.kind);
    switch (fault.what) {
    case planted::kind::split: return text + " is no longer one step";
    case planted::kind::acquire_release: return text + " seq_cst -> acq_rel";
    default: return text + " " + name_of(use.order) + " -> relaxed";
    }
}

std::vector<plantable> plantable_faults(const executed_sites& executed, const std::vector<std::string_view>& files) {
    std::map<std::pair<source_place, site_use>, std::set<const void*>> places;
    for (const auto& [site, use] : executed) {
        const source_place where = place_of(site);
        for (const std::string_view file : files) {
            if (std::string_view(where.file).ends_with(file)) {
                places[{where, use}].insert(site);
            }
        }
    }
    std::vector<plantable> faults;
    for (const auto& [place, sites] : places) {
        const auto& [where, use] = place;
        if (use.order != std::memory_order_relaxed) {
            faults.push_back({where, use, {planted::kind::relaxed, sites}});
        }
        if (use.order == std::memory_order_seq_cst) {
            faults.push_back({where, use, {planted::kind::acquire_release, sites}});
        }
        if (use.kind == access::update) {
            faults.push_back({where, use, {planted::kind::split, sites}});
        }
    }
    return faults;
}

const char* name_of(std::memory_order order) noexcept {
    switch (order) {
    case std::memory_order_relaxed: return "relaxed";
    case std::memory_order_consume: return "consume";
    case std::memory_order_acquire: return "acquire";
    case std::memory_order_release: return "release";
    case std::memory_order_acq_rel: return "acq_rel";
    default: return "seq_cst";
    }
}

} // namespace moor::model
