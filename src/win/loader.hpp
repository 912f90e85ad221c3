// What the system's loader knows of the image that moor is part of, a program or a DLL, and what it is doing: for ends
// that come from a DLL's unloading, where waiting for threads would last for ever.
#pragma once

namespace moor::win {

/// Keeps the image that moor is part of loaded while it lives: FreeLibrary, called by the host meanwhile, does not
/// unload it yet. Whoever destroys the last one has a reference of his own, or returns to code that is gone.
class [[nodiscard]] module_reference {
public:
    module_reference() noexcept;
    ~module_reference();
    module_reference(const module_reference&) = delete;
    module_reference& operator=(const module_reference&) = delete;

private:
    void* module_ = nullptr; // null: the loader does not know the image
};

/// Keeps it loaded until the process ends.
void pin_module() noexcept;

/// The image of the process's program.
[[nodiscard]] const void* program_image() noexcept;

/// The loaded image, a program or a DLL, that `address` lies in; null when it lies in none.
[[nodiscard]] const void* image_of(const void* address) noexcept;

/// Whether the process is ending: all threads but the calling one are gone, and with them whatever they had locked.
[[nodiscard]] bool process_is_ending() noexcept;

/// Whether the calling thread is within DllMain, or a constructor or destructor of a DLL's static object: no thread can
/// begin or end meanwhile.
[[nodiscard]] bool holds_loader_lock() noexcept;

} // namespace moor::win
