// The reference reduction, summed in double. Layer cpu.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include <fovea/cpu/reduce/args.h>

namespace fovea::inline FOVEA_ABI::cpu {

// Calls f(offset, n, step) for the runs along the last of `dims` that indices [begin, end) touch.
template <class F>
void for_each_strided_run(const StridedDims& dims, std::int64_t begin, std::int64_t end, F&& f) {
  const std::int64_t run = dims.run();
  for (std::int64_t i = begin; i < end;) {
    const std::int64_t n = std::min(run - i % run, end - i);
    f(dims.offset(i), n, dims.step());
    i += n;
  }
}

template <class T>
double reduced_value(ReduceOp op, T x, double centre) {
  const double v = static_cast<double>(x);
  if (op == ReduceOp::abs_sum) return std::abs(v);
  if (op == ReduceOp::square_sum) return v * v;
  if (op == ReduceOp::centred_square_sum) return (v - centre) * (v - centre);
  return v;
}

inline constexpr std::int64_t kReduceTile = 256;  // outputs that lie side by side in x are summed together

// How the work is cut, by the shape alone: tiles of outputs, and parts of each sum where there are few tiles.
struct ReduceCut {
  std::int64_t inner, tiles_per_row, tiles, parts, part_size;
  explicit ReduceCut(const StridedDims& kept, const StridedDims& reduced) {
    inner = kept.step() == 1 ? kept.run() : 1;
    tiles_per_row = (inner + kReduceTile - 1) / kReduceTile;
    tiles = inner == 0 ? 0 : kept.count() / inner * tiles_per_row;
    const std::int64_t n = reduced.count(), width = std::min(inner, kReduceTile);
    parts = tiles >= 32 ? 1 : std::clamp<std::int64_t>(n * width / kGrainOperations, 1, 64);
    part_size = (n + parts - 1) / parts;
  }
};

// acc[j] += f(row[j]). A function of its own with restricted pointers, so that compilers see vector code in it.
template <ReduceOp Op, class T>
void reduce_row(const T* __restrict row, std::int64_t n, const double* __restrict centre, double* __restrict acc) {
  constexpr std::int64_t kBlock = 64;
  std::int64_t j = 0;
  for (; j + kBlock <= n; j += kBlock)
    for (std::int64_t i = j; i < j + kBlock; ++i) acc[i] += reduced_value(Op, row[i], centre[i]);
  for (; j < n; ++j) acc[j] += reduced_value(Op, row[j], centre[j]);
}

// The sum of n elements in a row: 32 chains, joined in order.
template <ReduceOp Op, class T>
double reduce_run(const T* x, std::int64_t n, double centre) {
  constexpr std::int64_t kLanes = 32;
  double lane[kLanes] = {}, sum = 0;
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (std::int64_t j = 0; j < kLanes; ++j) lane[j] += reduced_value(Op, x[i + j], centre);
  for (; i < n; ++i) lane[0] += reduced_value(Op, x[i], centre);
  for (const double l : lane) sum += l;
  return sum;
}

// Sums of one tile over reduced indices [begin, end), into sums[0, n).
template <ReduceOp Op, class T>
void reduce_tile(const ReduceArgs<T>& a, std::int64_t first, std::int64_t n, std::int64_t begin, std::int64_t end,
                 double* sums) {
  static constexpr double zeros[kReduceTile] = {};
  const double* centre = a.centre ? a.centre + first : zeros;
  const T* x = a.x + a.kept.offset(first);
  std::fill_n(sums, n, 0.0);
  for_each_strided_run(a.reduced, begin, end, [&](std::int64_t offset, std::int64_t count, std::int64_t step) {
    if (n == 1 && step == 1)
      sums[0] += reduce_run<Op>(x + offset, count, centre[0]);
    else
      for (std::int64_t i = 0; i < count; ++i) reduce_row<Op>(x + offset + i * step, n, centre, sums);
  });
}

template <class T>
void reduce_tile_of(const ReduceArgs<T>& a, std::int64_t first, std::int64_t n, std::int64_t begin, std::int64_t end,
                    double* sums) {
  switch (a.op) {
    case ReduceOp::sum:
      return reduce_tile<ReduceOp::sum>(a, first, n, begin, end, sums);
    case ReduceOp::abs_sum:
      return reduce_tile<ReduceOp::abs_sum>(a, first, n, begin, end, sums);
    case ReduceOp::square_sum:
      return reduce_tile<ReduceOp::square_sum>(a, first, n, begin, end, sums);
    case ReduceOp::centred_square_sum:
      return reduce_tile<ReduceOp::centred_square_sum>(a, first, n, begin, end, sums);
  }
}

template <class T>
void reduce_store(const ReduceArgs<T>& a, std::int64_t o, double sum) {
  const double v = a.root ? std::sqrt(a.scale * sum) : a.scale * sum;
  if (a.y) a.y[o] = static_cast<T>(v);
  if (a.wide) a.wide[o] = v;
}

template <class T>
void reduce_reference(const ReduceArgs<T>& a) {
  const ReduceCut cut(a.kept, a.reduced);
  const std::int64_t outputs = a.kept.count(), n = a.reduced.count();
  std::vector<double> partial(static_cast<std::size_t>(cut.parts > 1 ? cut.parts * outputs : 0));
  const std::int64_t width = std::min(cut.inner, kReduceTile);
  parallel_for(cut.tiles * cut.parts, grain_of(cut.part_size * width), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t tile = item % cut.tiles, part = item / cut.tiles, column = tile % cut.tiles_per_row;
      const std::int64_t first = tile / cut.tiles_per_row * cut.inner + column * kReduceTile;
      const std::int64_t size = std::min(kReduceTile, cut.inner - column * kReduceTile);
      double sums[kReduceTile];
      reduce_tile_of(a, first, size, std::min(n, part * cut.part_size), std::min(n, (part + 1) * cut.part_size), sums);
      for (std::int64_t j = 0; j < size; ++j) {
        if (cut.parts > 1)
          partial[static_cast<std::size_t>(part * outputs + first + j)] = sums[j];
        else
          reduce_store(a, first + j, sums[j]);
      }
    }
  });
  for (std::int64_t o = 0; o < outputs && cut.parts > 1; ++o) {
    double sum = 0;
    for (std::int64_t p = 0; p < cut.parts; ++p) sum += partial[static_cast<std::size_t>(p * outputs + o)];
    reduce_store(a, o, sum);
  }
}

}  // namespace fovea::inline FOVEA_ABI::cpu
