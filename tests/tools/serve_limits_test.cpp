// `fovea serve` stays up: sizes, deadlines, a full queue, clients that leave, signals.
#include <sys/stat.h>

#include <support/catch.h>
#include <support/support.h>
#include <tools/small_server.h>

namespace fovea {
namespace {
using namespace test;

TEST_CASE("a body that is too large is refused as soon as that is known") {
  SmallServer server({"--max-upload", "1K"});
  HttpConnection announced = server->connect();  // not one byte of it is sent
  announced.send("POST /api/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1025\r\n\r\n");
  const HttpAnswer a = announced.receive();
  CHECK(a.status == 413);
  CHECK(a.error_code() == "too_large");
  CHECK(announced.ended());

  HttpConnection expecting = server->connect();
  expecting.send(
      "PUT /api/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1025\r\nExpect: 100-continue\r\n\r\n");
  CHECK(expecting.receive().status == 413);

  HttpConnection growing = server->connect();  // and its last chunk never comes
  growing.send(kChunkedHead + chunk(std::string(1000, 'x')) + chunk(std::string(25, 'x')));
  CHECK(growing.receive().status == 413);

  HttpConnection boasting = server->connect();
  boasting.send(kChunkedHead + "ffffffffffffffff\r\n");
  CHECK(boasting.receive().status == 413);

  const std::string fits = std::string(1024, 'x');
  CHECK(server->request("POST", "/api/classify", fits).status == 422);
}

TEST_CASE("100-continue is answered, and only then the body read") {
  SmallServer server;
  const std::string photo = tiny_photo();
  HttpConnection c = server->connect();
  c.send("PUT /api/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(photo.size()) +
         "\r\nExpect: 100-continue\r\n\r\n");
  CHECK(c.receive().status == 100);
  c.send(photo);
  CHECK(c.receive().status == 200);
  c.send(http_request("POST", "/api/classify", photo, {"Expect: a miracle"}));
  CHECK(c.receive().status == 417);
  HttpConnection old = server->connect();  // HTTP/1.0 does not know it
  old.send("PUT /api/classify HTTP/1.0\r\nHost: localhost\r\nContent-Length: " + std::to_string(photo.size()) +
           "\r\nExpect: 100-continue\r\n\r\n");
  CHECK(!old.readable(200));
  old.send(photo);
  CHECK(old.receive().status == 200);
}

TEST_CASE("chunks, pipelined requests and requests in pieces are read; HTTP/1.0 ends after its answer") {
  SmallServer server;
  const std::string photo = tiny_photo();
  HttpConnection c = server->connect();
  c.send(kChunkedHead + chunk(photo.substr(0, 10)) + chunk(photo.substr(10)) + "0\r\n\r\n");
  CHECK(c.receive().status == 200);

  c.send(http_request("POST", "/api/classify?name=1", photo) + http_request("GET", "/healthz") +
         http_request("POST", "/api/classify?name=3", photo) + http_request("GET", "/nowhere"));
  CHECK(c.receive().json().at("images")[0].at("path") == "1");
  CHECK(c.receive().json().at("status") == "live");
  CHECK(c.receive().json().at("images")[0].at("path") == "3");
  CHECK(c.receive().status == 404);

  c.send("\r\n" + http_request("GET", "/healthz"));  // old clients end a body so
  CHECK(c.receive().status == 200);
  for (const char byte : "\r\n" + http_request("POST", "/api/classify", photo)) c.send({&byte, 1});
  CHECK(c.receive().status == 200);
  c.send(http_request("GET", "/healthz", "", {"Connection: close"}));
  CHECK(c.receive().headers.at("connection") == "close");
  CHECK(c.ended());

  HttpConnection old = server->connect();
  old.send("GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n");
  CHECK(old.receive().status == 200);
  CHECK(old.ended());
}

TEST_CASE("requests that two readers could understand differently are refused, and end the connection") {
  SmallServer server;
  const std::string start = "POST /api/classify HTTP/1.1\r\nHost: localhost\r\n";
  for (const char* headers :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "Content-Length: -1\r\n",
        "Content-Length: 99999999999999999999\r\n", "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked, gzip\r\n", "Content-Length : 5\r\n", "Transfer-Encoding:\r\n",
        "Transfer-Encoding:\r\nTransfer-Encoding: gzip\r\n", "Transfer-Encoding: gzip, chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n"}) {
    CAPTURE(headers);
    HttpConnection c = server->connect();
    c.send(start + headers + "\r\n0\r\n\r\n" + http_request("GET", "/healthz"));
    const int status = c.receive().status;
    CHECK((status == 400 || status == 501));
    CHECK(c.ended());
  }
}

TEST_CASE("a head may have 64 KiB") {
  SmallServer server;
  CHECK(server->get("/healthz", {"X: " + std::string(60'000, 'x')}).status == 200);
  CHECK(server->get("/healthz", {"X: " + std::string(66'000, 'x')}).status == 431);
  CHECK(server->get("/" + std::string(66'000, 'x')).status == 431);
  HttpConnection c = server->connect();
  std::string flood = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 10'000; ++i) flood += "X" + std::to_string(i) + ": 1\r\n";
  c.send(flood);
  CHECK(c.receive().status == 431);
}

TEST_CASE("what stands around chunks may have 64 KiB too") {
  SmallServer server;
  for (const char* around : {"0\r\nX: ", "0;x=", "5;x="}) {
    CAPTURE(around);
    for (const std::size_t size : {65'000, 65'536, 70'000}) {
      HttpConnection c = server->connect();
      c.send(kChunkedHead + around + std::string(size, 'x') + "\r\n\r\n");
      if (size > 65'000) {
        CHECK(c.receive().status == 431);
      } else if (*around == '0') {
        CHECK(c.receive().status == 422);
      } else {  // a chunk of five bytes is still to come
        CHECK(c.send("xxx\r\n0\r\n\r\n"));
        CHECK(c.receive().status == 422);
      }
    }
  }
  RunningServer::wait_until([&] { return server->metric("fovea_connections") == 1; });
}

// Sends a little now and then until the other side has had enough.
HttpAnswer drip(HttpConnection& c, int times, std::string_view bytes = "x") {
  for (int i = 0; i < times && !c.readable(50); ++i) c.send(bytes);
  REQUIRE(c.readable(0));
  return c.receive();
}

TEST_CASE("the time for a head and for a body is counted in all, not from byte to byte") {
  SmallServer server({"--head-seconds", "0.5", "--body-seconds", "0.5"});
  HttpConnection head = server->connect();
  head.send("GET /");
  CHECK(drip(head, 200).status == 408);
  CHECK(head.ended());
  HttpConnection body = server->connect();
  body.send("POST /api/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n");
  CHECK(drip(body, 200).status == 408);
  HttpConnection chunks = server->connect();
  chunks.send(kChunkedHead);
  CHECK(drip(chunks, 200, "1\r\nx\r\n").status == 408);
  HttpConnection silent = server->connect();
  CHECK(silent.ended());
}

TEST_CASE("an idle connection is closed") {
  SmallServer server({"--idle-seconds", "0.3"});
  HttpConnection c = server->connect();
  c.send(http_request("GET", "/healthz"));
  CHECK(c.receive().status == 200);
  CHECK(c.ended());
}

TEST_CASE("more connections than allowed get 503, and a closed one makes room") {
  SmallServer server({"--connections", "3"});
  std::vector<HttpConnection> open;
  for (int i = 0; i < 3; ++i) open.push_back(server->connect());
  RunningServer::wait_until([&] {
    const HttpAnswer a = server->get("/healthz");
    return a.status == 503 && a.error_code() == "connections" && a.headers.count("retry-after") == 1;
  });
  std::vector<HttpConnection> beyond;  // 64 of them still get a 503, the others are closed without a word
  for (int i = 0; i < 100; ++i) beyond.push_back(server->connect());
  int refused = 0;
  for (HttpConnection& c : beyond) refused += c.receive().status == 503;
  CHECK(refused >= 60);
  CHECK(refused < 100);
  beyond.clear();
  open.pop_back();
  RunningServer::wait_until([&] { return server->get("/healthz").status == 200; });
  open.clear();
  RunningServer::wait_until([&] { return server->metric("fovea_rejected_total{reason=\"connections\"}") >= 1; });
}

// An explanation by occlusion runs 169 times: long enough to look at a full queue.
const std::string kSlow = "/api/classify?explain=occlusion";

TEST_CASE("a full queue says so, and a client that goes away frees its place") {
  RunningServer server({"--queue", "1"});
  server.wait_until_ready();
  HttpConnection first = server.connect();
  first.send(http_request("POST", kSlow, chelsea()));
  RunningServer::wait_until([&] { return server.metric("fovea_queue_length") == 1; });
  const HttpAnswer refused = server.request("POST", "/api/classify", chelsea());
  CHECK(refused.status == 503);
  CHECK(refused.error_code() == "busy");
  CHECK(refused.headers.at("retry-after") == "1");
  CHECK(server.metric("fovea_rejected_total{reason=\"queue\"}") == 1);
  first.close();
  RunningServer::wait_until([&] { return server.metric("fovea_queue_length") == 0; });
  CHECK(server.request("POST", "/api/classify", chelsea()).status == 200);
  CHECK(server.metric("fovea_cancelled_total") == 1);
}

TEST_CASE("a client that sent on before it left frees its place") {
  RunningServer server({"--queue", "1"});
  server.wait_until_ready();
  HttpConnection first = server.connect();
  first.send(http_request("POST", kSlow, chelsea()) + "G");
  RunningServer::wait_until([&] { return server.metric("fovea_queue_length") == 1; });
  first.send("ET");
  first.close();
  RunningServer::wait_until([&] { return server.metric("fovea_queue_length") == 0; });
  CHECK(server.metric("fovea_cancelled_total") == 1);

  HttpConnection patient = server.connect();  // what it sends ahead is answered
  patient.send(http_request("POST", "/api/classify?explain=gradcam", chelsea()));
  patient.send(http_request("GET", "/healthz"));
  CHECK(patient.receive().status == 200);
  CHECK(patient.receive().json().at("status") == "live");
}

TEST_CASE("of all photos being sent, the bytes that have arrived are bounded, and announced ones cost nothing") {
  SmallServer server({"--max-upload", "1M", "--upload-memory", "2M"});
  std::vector<HttpConnection> open;
  for (int i = 0; i < 20; ++i) {
    open.push_back(server->connect());
    if (i % 2)
      open.back().send("POST /api/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048576\r\n\r\nx");
    else
      open.back().send(kChunkedHead + "1\r\nx\r\n");
  }
  CHECK(server->request("POST", "/api/classify", tiny_photo()).status == 200);
  for (int i = 1; i < 6; i += 2) open[static_cast<std::size_t>(i)].send(std::string(1'000'000, 'x'));
  const auto rejected = [&] { return server->metric("fovea_rejected_total{reason=\"memory\"}") == 1; };
  RunningServer::wait_until(rejected);  // the third million
  for (int i = 1; i < 6; i += 2) {
    HttpConnection& c = open[static_cast<std::size_t>(i)];
    if (!c.readable(100)) continue;
    const HttpAnswer refused = c.receive();
    CHECK(refused.status == 503);
    CHECK(refused.error_code() == "busy");
    CHECK(refused.headers.at("retry-after") == "1");
  }
  open.clear();
  RunningServer::wait_until([&] { return server->metric("fovea_connections") == 1; });
  CHECK(server->request("POST", "/api/classify", std::string(1'000'000, 'x')).status == 422);
}

TEST_CASE("an answer that nobody takes ends at its deadline, and stands in the log") {
  SmallServer server({"--write-seconds", "0.5"});
  HttpConnection c = server->connect();
  std::string many;
  for (int i = 0; i < 3000; ++i) many += http_request("GET", "/page.js");
  std::thread sender([&] { c.send(many); });  // until the server closes the connection
  RunningServer::wait_until([&] { return contains(server->log(), " GET /page.js 499 "); });
  sender.join();
  CHECK(server->metric("fovea_http_requests_total{route=\"/page.js\",code=\"499\"}") == 1);
}

TEST_CASE("a log that nobody reads stops nothing, and what it lost is said") {
  const TemporaryFolder folder;
  const std::string pipe = (folder / "log").string();
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  SmallServer server({}, {}, pipe);
  for (int i = 0; i < 1500; ++i) REQUIRE(server->get("/healthz").status == 200);
  std::string text;
  std::array<char, 65536> block{};
  const auto read_all = [&] {
    for (ssize_t n = 0; (n = ::read(reader, block.data(), block.size())) > 0;)
      text.append(block.data(), static_cast<std::size_t>(n));
  };
  read_all();
  CHECK(server->get("/last").status == 404);
  RunningServer::wait_until([&] { return read_all(), contains(text, "/last"); });
  CHECK(contains(text, " lines were dropped, since nobody read them\n"));
  for (int i = 0; i < 1000; ++i) REQUIRE(server->get("/healthz").status == 200);
  CHECK(server->stop() == 0);
  ::close(reader);
}

TEST_CASE("explanations leave places to photos") {
  RunningServer server({"--queue", "8"});
  server.wait_until_ready();
  HttpConnection first = server.connect();
  first.send(http_request("POST", kSlow, chelsea()));
  RunningServer::wait_until([&] { return server.metric("fovea_queue_length") == 1; });
  const HttpAnswer refused = server.request("POST", kSlow, chelsea());
  CHECK(refused.status == 503);
  CHECK(refused.error_code() == "busy");
  CHECK(refused.headers.at("retry-after") == "1");
  CHECK(server.request("POST", "/api/classify", chelsea()).status == 200);  // while the first is still explained
  CHECK(server.metric("fovea_queue_length") == 1);
}

TEST_CASE("SIGTERM and SIGINT finish what runs, then end with 0") {
  for (const int signal : {SIGTERM, SIGINT}) {
    SmallServer unused;
    RunningServer::wait_until([&] { return unused->metric("fovea_connections") == 1; });
    CHECK(unused->stop(signal) == 0);
    RunningServer server({});
    server.wait_until_ready();
    HttpConnection idle = server.connect();
    idle.send(http_request("GET", "/healthz"));
    CHECK(idle.receive().status == 200);
    std::vector<HttpConnection> busy;
    for (int i = 0; i < 12; ++i) {
      busy.push_back(server.connect());
      busy.back().send(http_request("POST", "/api/classify", chelsea()));
    }
    RunningServer::wait_until([&] {  // all have arrived, and some are answered at most
      return server.metric("fovea_queue_length") +
                 server.metric("fovea_http_requests_total{route=\"/api/classify\",code=\"200\"}") ==
             12;
    });
    server.signal(signal);
    CHECK(idle.ended());
    CHECK_THROWS(server.connect());
    for (HttpConnection& c : busy) CHECK(c.receive().status == 200);
    busy.clear();
    CHECK(server.wait_for_end() == 0);
  }
}

TEST_CASE("a signal while the models are loaded ends it at once") {
  const TemporaryFolder folder;
  Words weights;
  for (int i = 0; i < 100; ++i) {
    const auto link = folder / ("net" + std::to_string(i) + ".safetensors");
    std::filesystem::create_symlink(source_file("models/efficientnet-lite0.safetensors"), link);
    weights.insert(weights.end(), {"--weights", link.string()});
  }
  RunningServer server(weights);
  CHECK(server.get("/readyz").status == 503);
  const auto start = std::chrono::steady_clock::now();
  CHECK(server.stop() == 0);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(2));
}

TEST_CASE("sizes are between a byte and a gibibyte") {
  for (const char* wrong : {"0", "-5", "-18446744073709551615", "5E", "2G", "x", ""}) {
    CAPTURE(wrong);
    const Ran ran = fovea_program({"serve", "--port", "0", std::string("--max-upload=") + wrong}, {.seconds = 20});
    CHECK(ran.code == 2);
    CHECK(contains(ran.err, "--max-upload"));
  }
  SmallServer server({"--max-upload", "1G"});
  CHECK(server->get("/api/models").json().at("max_upload") == 1 << 30);
}

TEST_CASE("a taken port, a missing model or a missing key file is a sentence and exit code 1") {
  SmallServer server;
  const auto fails = [](Words arguments, const std::string& sentence) {
    arguments.insert(arguments.begin(), "serve");
    const Ran ran = fovea_program(arguments, {.seconds = 20});
    INFO(ran.err);
    CHECK(ran.code == 1);
    CHECK(contains(ran.err, sentence));
  };
  fails({"--port", std::to_string(server->port())}, "is taken by another program");
  fails({"--port", "0", "--weights", "nowhere.safetensors"}, "no weight file nowhere.safetensors");
  fails({"--port", "0", "--api-key-file", "/nowhere/key"}, "cannot be opened");
  fails({"--port", "0", "--host", "nowhere.invalid"}, "--host nowhere.invalid");
  const TemporaryFolder folder;
  const Ran broken =
      fovea_program({"serve", "--port", "0", "--weights", folder.write("x.safetensors", "nothing").string()});
  CHECK(broken.code == 4);
  CHECK(contains(broken.err, "x.safetensors"));
}

}  // namespace
}  // namespace fovea
