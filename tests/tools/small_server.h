// What the tests of `fovea serve` share: a server with a network that answers at once, and things to send to it.
#pragma once

#include <sstream>

#include <fovea/image/encode.h>
#include <tools/running_server.h>
#include <tools/small_net.h>

namespace fovea::test {

inline std::string text_of_file(const std::filesystem::path& path) {
  const std::vector<std::uint8_t> bytes = read_bytes(path);
  return {bytes.begin(), bytes.end()};
}

inline const std::string& chelsea() {
  static const std::string bytes = text_of_file(source_file("examples/photos/chelsea.png"));
  return bytes;
}

// A PNG of 8 x 8 pixels: small enough to be one packet.
inline std::string tiny_photo() {
  const std::vector<std::byte> png = encode_png(Tensor<std::uint8_t>({8, 8, 3}, std::uint8_t{100}));
  return {reinterpret_cast<const char*>(png.data()), png.size()};
}

// A server with a net that answers within a millisecond, loaded.
class SmallServer {
 public:
  explicit SmallServer(Words arguments = {}, const Setting& setting = {}, const std::string& log = {})
      : server_(with_weights(folder_, std::move(arguments)), setting, log) {
    server_.wait_until_ready();
  }
  RunningServer* operator->() { return &server_; }

 private:
  static Words with_weights(const TemporaryFolder& folder, Words arguments) {
    arguments.insert(arguments.begin(), {"--weights", write_small_net(folder / "small.safetensors")});
    return arguments;
  }
  TemporaryFolder folder_;
  RunningServer server_;
};

inline std::string chunk(std::string_view bytes) {
  std::ostringstream s;
  s << std::hex << bytes.size() << "\r\n" << bytes << "\r\n";
  return s.str();
}

inline const std::string kChunkedHead =
    "POST /api/classify HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";

}  // namespace fovea::test
