# shellcheck shell=bash
# What the scripts share: the checkout's place, Debian packages, builds. Sourced, not run.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
jobs=${FOVEA_JOBS:-$(nproc)}
export root jobs

# What the library's own build and tests need, and what scripts/check needs on top.
program_packages=(g++ cmake ninja-build ccache libstb-dev libturbojpeg0-dev nlohmann-json3-dev libcli11-dev libboost-dev)
test_packages=("${program_packages[@]}" python3 catch2 libbenchmark-dev git)
check_packages=("${test_packages[@]}" clang lld g++-aarch64-linux-gnu qemu-user-static doxygen)
# Ubuntu has Chromium as a snap alone, which no test can drive: there the stage `page` is skipped.
if ! grep -qs '^ID=ubuntu' /etc/os-release; then
  check_packages+=(chromium chromium-driver python3-selenium python3-pip)
fi
export program_packages test_packages check_packages

say() { printf '== %s\n' "$*"; }

installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# install_packages NAME...: says what is missing and installs it, and nothing else. Without a terminal nothing is asked:
# root installs directly, others through sudo; where neither is possible the command to type is printed and we stop.
install_packages() {
  if ! command -v dpkg-query >/dev/null; then
    say "this is no Debian or Ubuntu: please install what these packages hold: $*"
    return 0
  fi
  local missing=() name
  for name in "$@"; do installed "$name" || missing+=("$name"); done
  if ((${#missing[@]} == 0)); then return 0; fi
  local as_root=()
  if ((EUID != 0)); then
    if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [[ -t 0 ]]; }; then
      as_root=(sudo)
    else
      say "missing packages, and neither root nor sudo to install them. Please run:"
      echo "apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
      exit 1
    fi
  fi
  say "installing: ${missing[*]}"
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)
  if [[ -z ${fovea_apt_updated:-} ]]; then
    "${as_root[@]}" "${apt[@]}" update </dev/null
    fovea_apt_updated=1
  fi
  "${as_root[@]}" "${apt[@]}" install -y --no-install-recommends "${missing[@]}" </dev/null
}

# clang's sanitizer and fuzzer runtimes are a package of their own, named after the version that `clang` turned out to be.
install_clang_runtime() {
  if command -v clang++ >/dev/null; then
    install_packages "libclang-rt-$(clang++ -dumpversion | cut -d. -f1)-dev"
  fi
}

# skip_stage STAGE NEED: this machine lacks a command that the stage needs. Counted like a skipped test: the summary
# fails unless tests/expected_skips.txt has a rule for it. The stage ends here.
skip_stage() {
  echo "skipped: no $2 here"
  echo "stage $1 | $2" >>"${FOVEA_SKIP_LOG:-/dev/null}"
  echo "0 passed, 0 failed"
  exit 0
}

# need_commands STAGE COMMAND...: skips the stage if one of them is missing.
need_commands() {
  local stage=$1 name
  shift
  for name in "$@"; do
    if ! command -v "$name" >/dev/null; then skip_stage "$stage" "$name"; fi
  done
}

# configure DIR ARGUMENT...: an own build folder below build/, warnings are errors. It and `build` wait for each other:
# stages that run side by side may share a folder.
configure() {
  local dir=$root/build/$1
  shift
  flock "$dir.lock" cmake -S "$root" -B "$dir" -G Ninja -DFOVEA_WERROR=ON "$@" >"$dir.log" 2>&1 || { cat "$dir.log"; return 1; }
}

# build DIR TARGET...: ninja with its progress line where somebody watches, else ten lines and what went wrong.
build() {
  local dir=$root/build/$1
  shift
  if [[ -t 1 ]]; then
    flock "$dir.lock" ninja -C "$dir" -j "$jobs" "$@"
  else
    NINJA_STATUS='[%f/%t] ' flock "$dir.lock" ninja -C "$dir" -j "$jobs" "$@" | ninja_progress
  fi
}
ninja_progress() {
  local line command='' tenth=0
  while IFS= read -r line; do
    if [[ $line =~ ^\[([0-9]+)/([0-9]+)\]\  ]]; then
      command=$line
      if ((BASH_REMATCH[1] * 10 >= BASH_REMATCH[2] * tenth)); then
        echo "  ${BASH_REMATCH[1]} of ${BASH_REMATCH[2]}"
        tenth=$((BASH_REMATCH[1] * 10 / BASH_REMATCH[2] + 1))
      fi
    elif [[ $line != 'ninja: Entering directory'* && $line != 'ninja: no work'* ]]; then
      if [[ -n $command ]]; then printf '%s\n' "$command"; fi
      command=''
      printf '%s\n' "$line"
    fi
  done
}

# The folders below tests/ that hold tests: a test program each, test_<folder>.
test_layers() {
  local file
  for file in "$root"/tests/*/*_test.cpp; do basename "$(dirname "$file")"; done | sort -u
}

# The seed of everything sampled: the first 8 hex digits of the commit's hash, so that each commit tries other samples
# and the same commit the same ones.
commit_seed() {
  local hash
  if hash=$(git -C "$root" rev-parse --short=8 HEAD 2>/dev/null); then
    echo $((16#${hash:0:8}))
  else
    echo 1
  fi
}
export FOVEA_SEED=${FOVEA_SEED:-$(commit_seed)}
mkdir -p "$root/build"
