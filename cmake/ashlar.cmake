# What every component shares: warnings, hardening, sanitizers, and one-line functions:
#   ashlar_library(base SOURCES a.cc DEPENDS ...)         a component
#   ashlar_test(base_test SOURCES tests/a_test.cc ...)    its GoogleTest program, run by ctest
#   ashlar_seeded_test(base_test SOURCES a.cc)            the test with bugs to switch on
#   ashlar_fuzzer(name SOURCES ... DEPENDS ...)           a libFuzzer target (Clang only)
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(spdlog REQUIRED)
find_package(PkgConfig REQUIRED)

# Faster builds where the tools exist; nothing depends on them.
find_program(ASHLAR_CCACHE ccache)
if(ASHLAR_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${ASHLAR_CCACHE})
endif()

# What scripts/test and scripts/fuzz build, so that no preset compiles more than it runs.
add_custom_target(unit_tests)
add_custom_target(concurrent_tests)
add_custom_target(seeded_tests)
add_custom_target(fuzzers)

add_library(ashlar_options INTERFACE)
find_program(ASHLAR_MOLD mold)
if(ASHLAR_MOLD)
  target_link_options(ashlar_options INTERFACE -fuse-ld=mold)
endif()
target_include_directories(ashlar_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(ashlar_options INTERFACE -Wall -Wextra -Werror -fstack-protector-strong
                       -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False positives of GCC 12 on coroutine frames and inlined strings.
  target_compile_options(ashlar_options INTERFACE -fcoroutines -Wno-maybe-uninitialized
                         -Wno-restrict -Wno-mismatched-new-delete -Wno-stringop-overflow
                         -Wno-array-bounds)
else()
  # Clang builds the fuzzers; GCC's warnings are the ones that must be clean.
  target_compile_options(ashlar_options INTERFACE -Wno-error -Wno-ignored-optimization-argument)
endif()
target_compile_definitions(ashlar_options INTERFACE OPENSSL_SUPPRESS_DEPRECATED)
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT ASHLAR_SANITIZE)
  target_compile_definitions(ashlar_options INTERFACE _FORTIFY_SOURCE=2)
  target_link_options(ashlar_options INTERFACE -Wl,-z,relro,-z,now)
endif()
if(ASHLAR_GROUP_SOURCES AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # A class that uses a type of its file's anonymous namespace: fine in a .cc, which this one is.
  target_compile_options(ashlar_options INTERFACE -Wno-subobject-linkage)
endif()
if(ASHLAR_SANITIZE)
  target_compile_options(ashlar_options INTERFACE -fsanitize=${ASHLAR_SANITIZE} -g1
                         -fno-sanitize-recover=all)
  target_link_options(ashlar_options INTERFACE -fsanitize=${ASHLAR_SANITIZE})
  if(ASHLAR_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(ashlar_options INTERFACE -Wno-tsan)
  endif()
endif()
target_link_libraries(ashlar_options INTERFACE Threads::Threads)

# In the sanitizer builds and for the fuzzers several files are compiled as one, which takes about
# half as long: ${result} holds the files that include those of target `name`. Files with options of
# their own stay alone. tools/source_groups.py knows which files agree with each other.
function(ashlar_group_sources result name)
  set(alone)
  set(together)
  foreach(file IN LISTS ARGN)
    get_source_file_property(options ${file} COMPILE_OPTIONS)
    if(options OR NOT ASHLAR_GROUP_SOURCES)
      list(APPEND alone ${file})
    else()
      list(APPEND together ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    endif()
  endforeach()
  set(groups)
  if(together)
    # A new name in a file may ask for other groups.
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${together}
                 ${CMAKE_SOURCE_DIR}/tools/source_groups.py)
    execute_process(
      COMMAND python3 ${CMAKE_SOURCE_DIR}/tools/source_groups.py
              ${CMAKE_CURRENT_BINARY_DIR}/${name}_groups ${together}
      OUTPUT_VARIABLE groups COMMAND_ERROR_IS_FATAL ANY)
  endif()
  set(${result} ${alone} ${groups} PARENT_SCOPE)
endfunction()

function(ashlar_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  ashlar_group_sources(sources ${name} ${ARG_SOURCES})
  add_library(ashlar_${name} STATIC ${sources})
  target_link_libraries(ashlar_${name} PUBLIC ashlar_options ${ARG_DEPENDS})
endfunction()

function(ashlar_test name)
  if(NOT ASHLAR_BUILD_TESTS)
    return()
  endif()
  find_package(GTest REQUIRED)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPENDS;LABELS" ${ARGN})
  ashlar_group_sources(sources ${name} ${ARG_SOURCES})
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} GTest::gtest GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  add_dependencies(unit_tests ${name})
  if("concurrent" IN_LIST ARG_LABELS)
    add_dependencies(concurrent_tests ${name})
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
endfunction()

# The test program once more as ${name}_seeded: SOURCES, files of the components it tests, are
# compiled so that a bug can be seeded (base/seeded_bug.h). They come before the libraries that hold
# them too, so the linker takes these.
function(ashlar_seeded_test name)
  if(NOT ASHLAR_BUILD_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES" ${ARGN})
  get_target_property(libraries ${name} LINK_LIBRARIES)
  add_executable(${name}_seeded EXCLUDE_FROM_ALL $<TARGET_OBJECTS:${name}> ${ARG_SOURCES})
  target_compile_definitions(${name}_seeded PRIVATE ASHLAR_SEEDED_BUGS)
  target_link_libraries(${name}_seeded PRIVATE ${libraries})
  add_dependencies(seeded_tests ${name}_seeded)
endfunction()

function(ashlar_fuzzer name)
  if(NOT ASHLAR_BUILD_FUZZERS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS})
  add_dependencies(fuzzers ${name})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
endfunction()
