# Installs the library so that find_package(moor CONFIG) works by itself: the archives that were built from fetched
# sources go along, those that came from installed packages are looked up again.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(moor_installed_targets moor)
foreach(target IN ITEMS moor_fmt moor_fcontext)
    if(TARGET ${target})
        list(APPEND moor_installed_targets ${target})
    endif()
endforeach()
set(moor_config_directory "${CMAKE_INSTALL_LIBDIR}/cmake/moor")

# Any configurations may share a prefix: the archives of each have names of their own.
set_target_properties(
    ${moor_installed_targets} PROPERTIES DEBUG_POSTFIX d RELWITHDEBINFO_POSTFIX -relwithdebinfo MINSIZEREL_POSTFIX -minsizerel)

install(TARGETS ${moor_installed_targets} EXPORT moor_targets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(EXPORT moor_targets NAMESPACE moor:: FILE moor-targets.cmake DESTINATION "${moor_config_directory}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.hpp")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/moor")
if(TARGET moor_fmt)
    install(FILES "${moor_fmt_dir}/LICENSE.rst" DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/moor" RENAME LICENSE.fmt)
endif()

moor_compiler_family(MOOR_COMPILER_FAMILY)
configure_package_config_file(
    "${PROJECT_SOURCE_DIR}/cmake/support/moor-config.cmake.in" "${PROJECT_BINARY_DIR}/moor-config.cmake"
    INSTALL_DESTINATION "${moor_config_directory}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/moor-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/moor-config.cmake" "${PROJECT_BINARY_DIR}/moor-config-version.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/support/movable_stacks.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/support/target_system.cmake"
        DESTINATION "${moor_config_directory}")
# For projects that are cross-compiled as moor is; the toolchain files run programs by wine/run.sh beside them.
install(DIRECTORY "${MOOR_TOOLCHAIN_DIRECTORY}" DESTINATION "${moor_config_directory}")
install(PROGRAMS "${PROJECT_SOURCE_DIR}/cmake/wine/run.sh" DESTINATION "${moor_config_directory}/wine")
# What is built for the machine that builds, from source.
install(FILES "${PROJECT_SOURCE_DIR}/cmake/support/compiler_plugin.cmake"
        DESTINATION "${moor_config_directory}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/src/compiler" DESTINATION "${moor_config_directory}/src")
foreach(source IN ITEMS unwind/image_headers.cpp unwind/image_headers.hpp unwind/unwind_info.hpp)
    get_filename_component(folder "${source}" DIRECTORY)
    install(FILES "${PROJECT_SOURCE_DIR}/src/${source}" DESTINATION "${moor_config_directory}/src/${folder}")
endforeach()
