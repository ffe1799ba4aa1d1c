# Shows our // comments to Doxygen: the head of a file describes the file, comments before and behind a declaration
# describe it, three blanks begin an example. Used by docs/Doxyfile.
function escape(text) {
  gsub(/[\\<>@#&$%]/, "\\\\&", text)
  return text
}
{ sub(/::inline FOVEA_ABI/, "") }  # the inline namespace of the build options is no part of a reader's names
FNR == 1 && /^\/\/ / { print "/// \\file" }
/^ *\/\/( |$)/ {
  indent = $0
  sub(/\/\/.*/, "", indent)
  text = substr($0, length(indent) + 3)
  if (text ~ /^   /) {
    if (!example) print indent "///"
    example = 1
    print indent "///  " text
  } else {
    example = 0
    print indent "///" escape(text)
  }
  next
}
{ example = 0 }
match($0, /[;,{}\\] +\/\/ /) && !/"/ {
  print substr($0, 1, RSTART) " ///< " escape(substr($0, RSTART + RLENGTH))
  next
}
{ print }
