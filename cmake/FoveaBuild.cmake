# How our own targets are built: warnings, ccache, sanitizers. Consumers of the library get none of this.

function(fovea_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # False alarms of gcc 12: at "literal" + std::string (gcc bug 105651), and at -O1 on a default member initializer that
    # takes an initializer list, whose array it believes to be gone.
    target_compile_options(${target} PRIVATE -Wno-restrict -Wno-dangling-pointer)
  endif()
  if(FOVEA_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()

if(FOVEA_TOP_LEVEL)
  find_program(FOVEA_CCACHE ccache)
  mark_as_advanced(FOVEA_CCACHE)
  if(FOVEA_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # The base directory makes paths relative, so that a second clone hits the cache of the first.
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
                                    ${FOVEA_CCACHE})
  endif()
endif()

if(FOVEA_SANITIZE)
  add_compile_options(-fsanitize=${FOVEA_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${FOVEA_SANITIZE})
endif()
