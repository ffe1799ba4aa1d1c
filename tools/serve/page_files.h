// The files of the page (tools/serve/page/), as they travel inside the program: made by cmake/EmbedFiles.cmake.
#pragma once

#include <span>
#include <string_view>

namespace fovea::tools {

struct PageFile {
  std::string_view path;  // what a browser asks for: "/", "/page.css", ...
  std::string_view type;  // the value of Content-Type
  std::string_view bytes;
};

std::span<const PageFile> page_files();

}  // namespace fovea::tools
