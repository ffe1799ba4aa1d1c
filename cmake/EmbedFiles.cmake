# embed_files(OUT FOLDER FILE...): a rule that writes OUT, the source of page_files() (tools/serve/page_files.h), with the
# bytes of FOLDER/FILE... in it. The program then carries its page with it and reads no file at run time.
# The same file is the script that the rule runs, at build time: an edited page needs no new configure.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  function(embed_files out folder)
    list(TRANSFORM ARGN PREPEND "${folder}/" OUTPUT_VARIABLE files)
    string(REPLACE ";" "," names "${ARGN}")  # a list would fall apart on its way through the command line
    set(script ${CMAKE_CURRENT_FUNCTION_LIST_FILE})
    add_custom_command(
      OUTPUT ${out}
      COMMAND ${CMAKE_COMMAND} -D OUT=${out} -D FOLDER=${folder} -D NAMES=${names} -P ${script}
      DEPENDS ${script} ${files}
      COMMENT "Embedding ${ARGN}"
      VERBATIM)
  endfunction()
  return()
endif()

set(type_of_html "text/html; charset=utf-8")
set(type_of_css "text/css; charset=utf-8")
set(type_of_js "text/javascript; charset=utf-8")
set(type_of_svg "image/svg+xml")

set(arrays "")
set(rows "")
string(REPLACE "," ";" names "${NAMES}")
foreach(name IN LISTS names)
  string(MAKE_C_IDENTIFIER "${name}" symbol)
  string(REGEX REPLACE ".*\\." "" extension "${name}")
  if(NOT DEFINED type_of_${extension})
    message(FATAL_ERROR "EmbedFiles.cmake: ${name}: no media type is known for .${extension}")
  endif()
  # An array of characters and no string: a literal may hold 65,536 bytes only, and hex needs no escapes.
  file(READ "${FOLDER}/${name}" bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND arrays "constexpr char ${symbol}[] = {${bytes}};\n")
  set(path "/${name}")
  if(name STREQUAL "page.html")
    set(path "/")
  endif()
  string(APPEND rows "    {\"${path}\", \"${type_of_${extension}}\", {${symbol}, sizeof ${symbol}}},\n")
endforeach()

file(WRITE "${OUT}" "// Made by cmake/EmbedFiles.cmake of: ${NAMES}
#include \"serve/page_files.h\"

namespace fovea::tools {
namespace {
${arrays}
constexpr PageFile kFiles[] = {
${rows}};
}  // namespace

std::span<const PageFile> page_files() { return kFiles; }

}  // namespace fovea::tools
")
