// "did you mean": the nearest of a list of names. Layer core. Unknown models, options, layers and flags all answer with
// it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fovea/core/error.h>

namespace fovea::inline FOVEA_ABI {

// Insertions, deletions, replacements and swaps of neighbours that turn a into b (Damerau 1964, in the form where no
// substring is edited twice). Time and memory grow with a.size() * b.size().
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  const std::size_t width = b.size() + 1;
  std::vector<std::size_t> d((a.size() + 1) * width);
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      std::size_t& best = d[i * width + j];
      if (i == 0 || j == 0) {
        best = i + j;
        continue;
      }
      const std::size_t replaced = d[(i - 1) * width + j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      best = std::min({d[(i - 1) * width + j] + 1, d[i * width + j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        best = std::min(best, d[(i - 2) * width + j - 2] + 1);
    }
  }
  return d.back();
}

// The candidate with the fewest edits, the first of equals; empty if even that differs in more than a third of its
// letters (at least one edit is always allowed). `candidates` is any range of strings.
template <class Candidates>
std::string nearest_name(std::string_view name, const Candidates& candidates) {
  constexpr std::size_t kLongest = 256;  // a name may come from a file: bound the work
  std::string best;
  std::size_t fewest = kLongest;
  if (name.size() > kLongest) return best;
  for (const auto& candidate : candidates) {
    const std::string_view c = candidate;
    if (c.size() > kLongest) continue;
    const std::size_t edits = edit_distance(name, c);
    if (edits < fewest && edits <= std::max<std::size_t>(1, std::max(name.size(), c.size()) / 3)) {
      best = std::string(c);
      fewest = edits;
    }
  }
  return best;
}

// The end of a message about an unknown name: ", did you mean 'resnet50'?", or "; known are resnet18, resnet34" where
// nothing is near.
template <class Candidates>
std::string suggest(std::string_view name, const Candidates& candidates) {
  if (const std::string nearest = nearest_name(name, candidates); !nearest.empty())
    return to_text(", did you mean '", nearest, "'?");
  std::string known;
  for (const auto& candidate : candidates) known += (known.empty() ? "; known are " : ", ") + std::string(candidate);
  return known.empty() ? "; none is known" : known;
}

}  // namespace fovea::inline FOVEA_ABI
