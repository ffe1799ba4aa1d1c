#include <cstdint>
#include <memory>
#include <vector>

#include <fovea/core/any_tensor.h>
#include <support/catch.h>

using namespace fovea;

TEST_CASE("an any_tensor shares the elements of a typed one and gives them back") {
  Tensor<float> t({2, 2}, {1, 2, 3, 4});
  AnyTensor any = t.view(1, 2);
  CHECK(any.dtype() == DType::f32);
  CHECK(any.shape() == Shape{1, 2});
  CHECK(any.bytes() == 8);
  const Tensor<float> back = any.as<float>();
  CHECK(back.data() == t.data() + 2);
  const std::uint64_t version = t.storage().version();
  reinterpret_cast<float*>(any.mutable_data())[0] = 30;
  CHECK(t.at(1, 0) == 30);
  CHECK(t.storage().version() == version + 1);
  CHECK(any.to<float>().data() == back.data());
}

TEST_CASE("another element type is an error that names the tensor") {
  const Tensor<half> t({2});
  CHECK_THROWS_WITH(AnyTensor(t).as<float>(), "tensor is float16, asked for as float32");
  t.storage().set_label("fc.weight of a.pth");
  CHECK_THROWS_WITH(AnyTensor(t).as<float>(), "tensor fc.weight of a.pth is float16, asked for as float32");
  CHECK_THROWS_AS(AnyTensor(t).as<bf16>(), Error);
}

TEST_CASE("an undefined any_tensor has no elements and no type to give") {
  const AnyTensor none;
  CHECK_FALSE(none.defined());
  CHECK_FALSE(AnyTensor(Tensor<int>()).defined());
  CHECK(none.data() == nullptr);
  CHECK(none.numel() == 0);
  CHECK_THROWS_WITH(none.as<float>(), "tensor: an undefined one was asked for as float32");
  CHECK_THROWS_AS(none.to<double>(), Error);
}

TEST_CASE("every element type converts to every other") {
  const Tensor<int> source({3}, {0, 1, 100});
  for (int from = 0; from < kDTypes; ++from)
    for (int to = 0; to < kDTypes; ++to) {
      const auto a = static_cast<DType>(from), b = static_cast<DType>(to);
      INFO(a << " to " << b);
      const AnyTensor result = AnyTensor(source).to(a).to(b);
      CHECK(result.dtype() == b);
      const bool boolean = a == DType::boolean || b == DType::boolean;
      const Tensor<double> values = result.to<double>();
      CHECK(values.at(0) == 0);
      CHECK(values.at(1) == 1);
      CHECK(values.at(2) == (boolean ? 1 : 100));
    }
}

TEST_CASE("to bool makes a one of what is not zero") {
  const AnyTensor b = AnyTensor(Tensor<float>({4}, {0.0f, -0.0f, 0.25f, -7.0f})).to(DType::boolean);
  CHECK(b.dtype() == DType::boolean);
  const Tensor<std::uint8_t> bytes = b.as<std::uint8_t>();
  CHECK(std::vector<int>(bytes.data(), bytes.data() + 4) == std::vector<int>{0, 0, 1, 1});
  CHECK_THROWS_AS(b.as<std::int8_t>(), Error);
}

TEST_CASE("an any_tensor over given storage is checked against its size and alignment") {
  const auto storage = std::make_shared<Storage>(32);
  CHECK(AnyTensor(DType::f64, {4}, storage).bytes() == 32);
  CHECK(AnyTensor(DType::f32, {7}, storage, 4).as<float>().offset() == 1);
  CHECK_THROWS_WITH(AnyTensor(DType::f32, {8}, storage, 4),
                    "tensor: float32 8 from byte 4 does not fit a storage of 32 bytes");
  CHECK_THROWS_WITH(AnyTensor(DType::f32, {1}, storage, 2), "tensor: byte 2 of the storage is not aligned for float32");
  CHECK_THROWS_AS(AnyTensor(DType::f32, {1}, storage, -4), Error);
  CHECK_THROWS_AS(AnyTensor(DType::f64, {std::int64_t{1} << 61}, storage), Error);
  CHECK_THROWS_AS(AnyTensor(DType::u8, {1}, storage, INT64_MAX), Error);
  CHECK_THROWS_WITH(AnyTensor(DType::f32, {1}, nullptr), "tensor: float32 1 without a storage");

  // A buffer that starts at an odd address: byte 3 of it is aligned in memory, but is no whole number of elements.
  const auto shifted =
      std::make_shared<Storage>(std::shared_ptr<std::byte>(std::shared_ptr<Storage>(storage), storage->data() + 1), 31);
  CHECK_THROWS_AS(AnyTensor(DType::f32, {1}, shifted, 3), Error);
  CHECK_THROWS_AS(AnyTensor(DType::f32, {1}, shifted, 4), Error);
}
