// Which sanitizer this build has, for the few tests that one of them cannot run.
#pragma once

#if defined(__has_feature)
#  if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#    define __SANITIZE_ADDRESS__ 1  // gcc's names, for clang
#  endif
#  if __has_feature(thread_sanitizer) && !defined(__SANITIZE_THREAD__)
#    define __SANITIZE_THREAD__ 1
#  endif
#endif
