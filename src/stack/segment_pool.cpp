// The lock around chunks and pages. Address space is reserved at first use; memory is given back to the system outside
// the lock.
#include "stack/segment_pool.hpp"

#include <algorithm>
#include <exception>
#include <mutex>

#include "stack/segment_chunks.hpp"
#include "stack/segment_pages.hpp"
#include "win/error.hpp"
#include "win/last_error_scope.hpp"

namespace moor::stack {
namespace {

constexpr const char* not_in_use = "a stack segment was given back that is not in use";

constexpr std::size_t whole_chunks(std::size_t bytes) noexcept {
    return (std::max<std::size_t>(bytes, 1) + segment_pool::chunk_size - 1) / segment_pool::chunk_size *
           segment_pool::chunk_size;
}

} // namespace

segment_pool::segment_pool(const segment_pool_options& options) noexcept
    : options_(options), size_(whole_chunks(options.address_space)) {}

segment_pool::~segment_pool() = default;

segment segment_pool::take(std::size_t size) noexcept {
    std::byte* base = nullptr;
    return take_many(segment_class(size), {&base, 1}) == 1 ? segment{base, size} : segment{};
}

void segment_pool::give(segment unused) noexcept {
    const std::size_t number = segment_class(unused.size);
    if (number >= segment_classes || unused.size != segment_size(number)) {
        win::fatal(not_in_use);
    }
    give_many(number, {&unused.base, 1});
}

// Under the lock. False when the system refuses; it is asked again next time.
bool segment_pool::reserved() noexcept {
    if (chunks_ != nullptr || pages_ != nullptr) {
        return true;
    }
    try {
        space_ = segment_space(size_, options_.piece);
        if (options_.fault_on_free) {
            pages_ = std::make_unique<segment_pages>(space_, options_);
        } else {
            chunks_ = std::make_unique<segment_chunks>(space_, options_);
        }
    } catch (const std::exception&) { // std::system_error, std::bad_alloc
        space_ = {};
        return false;
    }
    return true;
}

// The system is asked for memory under the lock: whoever else finds the pool empty would have to ask as well.
std::size_t segment_pool::take_many(std::size_t number, std::span<std::byte*> bases) noexcept {
    const win::last_error_scope kept; // a stack grows between any two instructions of its coroutine
    const std::lock_guard guard(lock_);
    if (!reserved()) {
        return 0;
    }
    std::size_t taken = 0;
    if (pages_ == nullptr) {
        taken = chunks_->take(number, bases);
    } else {
        while (taken != bases.size() && (bases[taken] = pages_->take(number)) != nullptr) {
            ++taken;
        }
    }
    out_[number] += taken;
    most_out_[number] = std::max(most_out_[number], out_[number]);
    return taken;
}

bool segment_pool::taken_back(std::size_t number, std::byte* base) noexcept {
    return (chunks_ != nullptr && chunks_->give(number, base)) || (pages_ != nullptr && pages_->give(number, base));
}

void segment_pool::give_many(std::size_t number, std::span<std::byte* const> bases) noexcept {
    const win::last_error_scope kept;
    bool surplus = false;
    {
        const std::lock_guard guard(lock_);
        for (std::byte* const base : bases) {
            if (!taken_back(number, base)) {
                win::fatal(not_in_use);
            }
        }
        out_[number] -= bases.size();
        surplus = chunks_ != nullptr && chunks_->has_surplus();
    }
    if (surplus) {
        release(options_.kept_chunks);
    }
}

void segment_pool::trim() noexcept { release(0); }

// Taking memory away can be long, and others need not wait for it: the chunks are in no set meanwhile.
void segment_pool::release(std::size_t kept) noexcept {
    for (;;) {
        segment_chunks::run surplus;
        {
            const std::lock_guard guard(lock_);
            if (chunks_ != nullptr) {
                surplus = chunks_->take_out(kept);
            }
        }
        if (surplus.bytes == 0) {
            return;
        }
        win::decommit(surplus.first, surplus.bytes);
        const std::lock_guard guard(lock_);
        chunks_->put_back(surplus);
    }
}

segment_counters segment_pool::counters() const {
    const std::lock_guard guard(lock_);
    segment_counters seen;
    for (std::size_t number = 0; number != segment_classes; ++number) {
        auto& of_class = seen.classes[number];
        for (const cached_segments* const counts : caches_) {
            of_class.cached += (*counts)[number].load(std::memory_order_relaxed);
        }
        // Segments that wander between workers meanwhile may be seen in two caches.
        of_class.cached = std::min(of_class.cached, out_[number]);
        of_class.in_use = out_[number] - of_class.cached;
        of_class.most = most_out_[number];
        of_class.unused = chunks_ == nullptr ? 0 : chunks_->free_segments(number);
    }
    if (chunks_ != nullptr) {
        seen.unused_chunks = chunks_->unused_chunks();
    }
    if (chunks_ != nullptr || pages_ != nullptr) {
        const committed_bytes& committed = chunks_ != nullptr ? chunks_->committed() : pages_->committed();
        seen.committed = committed.now();
        seen.most_committed = committed.most();
    }
    return seen;
}

void segment_pool::attach(const cached_segments& counts) {
    const std::lock_guard guard(lock_);
    caches_.push_back(&counts);
}

void segment_pool::detach(const cached_segments& counts) noexcept {
    const std::lock_guard guard(lock_);
    caches_.erase(std::find(caches_.begin(), caches_.end(), &counts));
}

} // namespace moor::stack
