// What the process knows of moor, such as an exception handler or a slot of thread-local storage: registered while
// anybody needs it. A DLL that has moor inside can be unloaded when nobody does: then nothing leads to its code any
// more.
#pragma once

#include <mutex>

#include "win/system_lock.hpp"

namespace moor::win {

/// Installed for the first user, removed after the last one. Constant-initialised and never destroyed, so that static
/// objects may use it. Any thread; on a stack with room.
class process_registration {
public:
    constexpr process_registration(void (*install)(), void (*remove)() noexcept) noexcept
        : install_(install), remove_(remove) {}
    process_registration(const process_registration&) = delete;
    process_registration& operator=(const process_registration&) = delete;

    /// Throws what installing throws; then there is no new user.
    void add_user() {
        const std::lock_guard guard(lock_);
        if (users_ == 0) {
            install_();
        }
        ++users_;
    }
    void drop_user() noexcept {
        const std::lock_guard guard(lock_);
        if (--users_ == 0) {
            remove_();
        }
    }

private:
    void (*const install_)();
    void (*const remove_)() noexcept;
    system_lock lock_; // guards the count, and is held while it is installed or removed
    unsigned users_ = 0;
};

/// A user for as long as it lives.
class [[nodiscard]] registration_user {
public:
    explicit registration_user(process_registration& used) : used_(used) { used_.add_user(); }
    ~registration_user() { used_.drop_user(); }
    registration_user(const registration_user&) = delete;
    registration_user& operator=(const registration_user&) = delete;

private:
    process_registration& used_;
};

} // namespace moor::win
