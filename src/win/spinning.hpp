// Waiting for a thread that is a few instructions from what is waited for and cannot wake anybody there: the one way in
// which the library spins.
#pragma once

namespace moor::win {

/// One such wait. First it pauses, for the time that the other thread needs; then it yields, in case the other one has
/// lost its processor; then it sleeps, because a yield does not reach a thread of lower priority, which would never
/// run.
class spinning {
public:
    /// Call between two looks at what is waited for. Any stack; keeps the thread's last error. Not under a lock.
    void pause() noexcept;

private:
    static constexpr unsigned pauses = 64; // a few microseconds: many times what a holder needs
    static constexpr unsigned yields = 64;

    unsigned rounds_ = 0;
};

} // namespace moor::win
