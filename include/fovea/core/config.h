// Build options, and the inline namespace that they select. Layer core; every other header includes this one.
//
// Options (define them for the whole program, before any fovea header):
//   FOVEA_COMPILED       kernels and file readers are declared only; link fovea::compiled, which holds them
//   FOVEA_SINGLE_THREAD  no threads: parallel_for runs its body in the caller
//   -fno-exceptions      a failed check calls the handler of core/error.h instead of throwing
// Each option is part of the inline namespace FOVEA_ABI, so that two translation units built with different options fail
// to link instead of sharing functions that mean different things.
#pragma once

#if defined(__FAST_MATH__)
#error "fovea: do not compile with -ffast-math (-Ofast): results promise exact sums, and NaN must stay visible"
#endif
#if !defined(__GNUC__)
#error "fovea: gcc >= 11 or clang >= 14 is needed"
#endif

#define FOVEA_VERSION "0.1.0"

// FOVEA_INLINE: in front of functions that are defined in a *_inl.h, which fovea::compiled holds where it is linked.
#if defined(FOVEA_COMPILED)
#define FOVEA_ABI_FORM compiled
#define FOVEA_INLINE
#else
#define FOVEA_ABI_FORM headers
#define FOVEA_INLINE inline
#endif
#if defined(FOVEA_SINGLE_THREAD)
#define FOVEA_ABI_THREADS single
#else
#define FOVEA_ABI_THREADS threads
#endif
#if defined(__cpp_exceptions)
#define FOVEA_ABI_EXCEPTIONS throws
#else
#define FOVEA_ABI_EXCEPTIONS aborts
#endif
#define FOVEA_ABI_JOIN(form, threads, exceptions) v0_##form##_##threads##_##exceptions
#define FOVEA_ABI_EXPAND(form, threads, exceptions) FOVEA_ABI_JOIN(form, threads, exceptions)
#define FOVEA_ABI FOVEA_ABI_EXPAND(FOVEA_ABI_FORM, FOVEA_ABI_THREADS, FOVEA_ABI_EXCEPTIONS)
