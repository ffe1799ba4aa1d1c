#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include <fovea/core/tensor.h>
#include <support/catch.h>

using namespace fovea;

namespace {
template <class T>
std::vector<T> list(const Tensor<T>& t) {
  return {t.values().begin(), t.values().end()};
}
Tensor<int> counting(const Shape& shape) {
  Tensor<int> t(shape);
  int next = 0;
  for (int& v : t.mutable_values()) v = next++;
  return t;
}
}  // namespace

TEST_CASE("a new tensor holds zeros, a value, or a copy of a list") {
  CHECK(list(Tensor<float>({2, 2})) == std::vector<float>(4, 0.0f));
  CHECK(list(Tensor<std::int8_t>({3}, std::int8_t{7})) == std::vector<std::int8_t>(3, 7));
  CHECK(list(Tensor<int>({2, 2}, {1, 2, 3, 4})) == std::vector<int>{1, 2, 3, 4});
  CHECK(static_cast<float>(Tensor<bf16>({1}, bf16(2.5f)).item()) == 2.5f);
  const std::vector<double> values{1, 2};
  CHECK(list(Tensor<double>({2}, std::span(values))) == values);
  CHECK(Tensor<double>(Shape()).item() == 0);
  CHECK(reinterpret_cast<std::uintptr_t>(Tensor<float>({3}).data()) % kAlignment == 0);
}

TEST_CASE("a list of the wrong length is refused") {
  CHECK_THROWS_WITH(Tensor<int>({2, 2}, {1, 2, 3}), "tensor: 3 values for shape 2x2, which wants 4");
}

TEST_CASE("a tensor whose bytes overflow is refused before it is allocated") {
  CHECK_THROWS_WITH(Tensor<double>({std::int64_t{1} << 61}), "tensor: 2305843009213693952 * 8 overflows 64 bits");
}

TEST_CASE("an undefined tensor has no elements") {
  const Tensor<float> t;
  CHECK_FALSE(t.defined());
  CHECK_FALSE(t);
  CHECK(t.id() == 0);
  CHECK(t.numel() == 0);
  CHECK(t.data() == nullptr);
  CHECK(t.values().empty());
  CHECK(t.device() == Device::cpu);
  CHECK_FALSE(t.clone().defined());
  CHECK_FALSE(t.to<double>().defined());
  CHECK_THROWS_WITH(t.item(), "item: shape 0 has 0 elements, one is wanted");
  CHECK_THROWS_WITH(t.at(0), "at: index 0 in dimension 0 of shape 0");
  CHECK_THROWS_WITH(t.view(0, 0), "tensor: shape 0 of an undefined tensor");
  CHECK_THROWS_WITH(t.reshape({0}), "tensor: shape 0 of an undefined tensor");
}

TEST_CASE("copies share elements and id") {
  Tensor<int> a = counting({2, 3});
  const Tensor<int> b = a;
  a.mutable_data()[4] = 40;
  CHECK(b.at(1, 1) == 40);
  CHECK(b.id() == a.id());
  CHECK(a.id() != 0);
}

TEST_CASE("views and reshapes share elements and have ids of their own") {
  Tensor<int> a = counting({4, 3});
  Tensor<int> rows = a.view(1, 3);
  CHECK(rows.shape() == Shape{2, 3});
  CHECK(list(rows) == std::vector<int>{3, 4, 5, 6, 7, 8});
  const Tensor<int> flat = rows.view(1, 2).reshape({3});
  CHECK(list(flat) == std::vector<int>{6, 7, 8});
  CHECK(flat.offset() == 6);
  rows.mutable_data()[3] = 60;
  CHECK(flat.at(0) == 60);
  CHECK(a.at(2, 0) == 60);
  CHECK(rows.id() != a.id());
  CHECK(flat.id() != rows.id());
  CHECK(a.view(2, 2).numel() == 0);
  CHECK(a.view(4, 4).shape() == Shape{0, 3});
  CHECK(Tensor<int>({0, 3}).view(0, 0).numel() == 0);
  CHECK(Tensor<int>({3, 0}).view(1, 3).shape() == Shape{2, 0});
}

TEST_CASE("every write moves the version of the shared storage on, reading does not") {
  Tensor<int> a = counting({4});
  Tensor<int> b = a.view(1, 2);
  const std::uint64_t before = a.storage().version();
  (void)a.data(), (void)b.values(), (void)a.at(0), (void)a.clone(), (void)a.to<float>();
  CHECK(a.storage().version() == before);
  b.mutable_data();
  CHECK(a.storage().version() == before + 1);
  (void)a.mutable_values();
  CHECK(b.storage().version() == before + 2);
}

TEST_CASE("a view outside the leading dimension is refused") {
  const Tensor<int> a({4, 3});
  CHECK_THROWS_WITH(a.view(2, 5), "view: [2, 5) of the leading dimension of shape 4x3");
  CHECK_THROWS_WITH(a.view(-1, 2), "view: [-1, 2) of the leading dimension of shape 4x3");
  CHECK_THROWS_WITH(a.view(3, 2), "view: [3, 2) of the leading dimension of shape 4x3");
  CHECK_THROWS_WITH(Tensor<int>(Shape()).view(0, 1), "view: [0, 1) of the leading dimension of shape scalar");
}

TEST_CASE("reshape infers one size") {
  const Tensor<int> a = counting({4, 3});
  CHECK(a.reshape({2, -1}).shape() == Shape{2, 6});
  CHECK(a.reshape({-1}).shape() == Shape{12});
  CHECK(a.reshape({-1, 3, 1}).shape() == Shape{4, 3, 1});
  CHECK(a.reshape(Shape{6, 2}).shape() == Shape{6, 2});
  CHECK(Tensor<int>({1, 1}).reshape({}).rank() == 0);
  CHECK(Tensor<int>({0, 3}).reshape({-1, 3}).shape() == Shape{0, 3});
  CHECK(list(a.reshape({3, 4})) == list(a));
}

TEST_CASE("a reshape that does not fit is refused") {
  const Tensor<int> a({4, 3});
  CHECK_THROWS_WITH(a.reshape({5, 2}), "reshape: 4x3 has 12 elements, 5x2 wants 10");
  CHECK_THROWS_WITH(a.reshape({5, -1}), "reshape: 4x3 does not divide into 5 parts");
  CHECK_THROWS_WITH(a.reshape({-1, -1}), "reshape: only one size may be -1");
  CHECK_THROWS_WITH(a.reshape({0, -1}), "reshape: 4x3 does not divide into 0 parts");
  CHECK_THROWS_WITH(a.reshape({-2, -6}), "shape: size -2 of dimension 0 is negative");
  CHECK_THROWS_WITH(a.reshape({-1, -2, 6}), "reshape: 4x3 does not divide into -12 parts");
  CHECK_THROWS_WITH(a.reshape({1, 1, 1, 1, 1, 3, 4}), "reshape: 7 dimensions, at most 6");
  CHECK_THROWS_WITH(a.reshape({std::int64_t{1} << 40, std::int64_t{1} << 40}),
                    "reshape: 1099511627776 * 1099511627776 overflows 64 bits");
}

TEST_CASE("at checks the number and the range of its indices") {
  const Tensor<int> a = counting({2, 3, 4});
  CHECK(a.at(1, 2, 3) == 23);
  CHECK(a.at(0, 1, 2) == 6);
  CHECK(counting({}).at() == 0);
  CHECK_THROWS_WITH(a.at(1, 2), "at: 2 indices into shape 2x3x4");
  CHECK_THROWS_WITH(a.at(1, 2, 3, 0), "at: 4 indices into shape 2x3x4");
  CHECK_THROWS_WITH(a.at(1, 3, 0), "at: index 3 in dimension 1 of shape 2x3x4");
  CHECK_THROWS_WITH(a.at(-1, 0, 0), "at: index -1 in dimension 0 of shape 2x3x4");
}

TEST_CASE("item wants one element") {
  CHECK(Tensor<int>({1, 1}, {5}).item() == 5);
  CHECK_THROWS_WITH(Tensor<int>({2}).item(), "item: shape 2 has 2 elements, one is wanted");
}

TEST_CASE("a clone has elements, id and version of its own, and the label") {
  Tensor<int> a = counting({3});
  a.storage().set_label("fc.weight of a.pth");
  Tensor<int> b = a.view(1, 3).clone();
  CHECK(list(b) == std::vector<int>{1, 2});
  b.mutable_data()[0] = 10;
  CHECK(a.at(1) == 1);
  CHECK(b.id() != a.id());
  CHECK(b.storage().bytes() == 8);
  CHECK(b.storage().label() == "fc.weight of a.pth");
}

TEST_CASE("to converts each element") {
  const Tensor<float> f({4}, {1.75f, -1.75f, 70000.0f, 0.0f});
  CHECK(list(f.to<int>()) == std::vector<int>{1, -1, 70000, 0});
  CHECK(list(f.to<double>()) == std::vector<double>{1.75, -1.75, 70000, 0});
  CHECK(f.to<half>().at(2).bits == 0x7c00);
  CHECK(static_cast<float>(f.to<half>().to<bf16>().at(1)) == -1.75f);
  CHECK(list(f.view(0, 2).to<bf16>().to<std::int8_t>()) == std::vector<std::int8_t>{1, -1});
  CHECK(list(Tensor<std::uint8_t>({2}, {0, 255}).to<float>()) == std::vector<float>{0, 255});
  CHECK(Tensor<std::int64_t>({1}, {16777217}).to<float>().item() == 16777216.0f);
  CHECK(Tensor<double>({1}, {1 + 0x1p-11 + 0x1p-40}).to<half>().item().bits == 0x3c01);
  CHECK(f.to<float>().data() != f.data());
}

TEST_CASE("a tensor over given storage is checked against its size and alignment") {
  const auto storage = std::make_shared<Storage>(32);
  CHECK(Tensor<float>({2, 2}, storage, 4).offset() == 4);
  CHECK(Tensor<float>({0}, storage, 8).numel() == 0);
  CHECK_THROWS_WITH(Tensor<float>({2, 2}, storage, 5),
                    "tensor: shape 2x2 from element 5 does not fit a storage of 32 bytes");
  CHECK_THROWS_AS(Tensor<float>({2}, storage, -1), Error);
  CHECK_THROWS_AS(Tensor<float>({2}, storage, std::numeric_limits<std::int64_t>::max()), Error);
  CHECK_THROWS_AS(Tensor<float>({2}, storage, std::numeric_limits<std::int64_t>::min()), Error);
  CHECK_THROWS_AS(Tensor<double>({1}, storage, std::int64_t{1} << 61), Error);
  CHECK_THROWS_WITH(Tensor<float>({2}, std::shared_ptr<Storage>()), "tensor: shape 2 of an undefined tensor");

  const auto odd = std::make_shared<Storage>(std::shared_ptr<std::byte>(storage, nullptr), 0);
  const auto shifted =
      std::make_shared<Storage>(std::shared_ptr<std::byte>(std::shared_ptr<Storage>(storage), storage->data() + 1), 31);
  CHECK(Tensor<float>({0}, odd).numel() == 0);
  CHECK_THROWS_WITH(Tensor<float>({2}, shifted), "tensor: element 0 of the storage is not aligned for float32");
  CHECK(Tensor<std::int8_t>({31}, shifted).numel() == 31);
}
