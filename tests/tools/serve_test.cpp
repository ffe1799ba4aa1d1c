// `fovea serve`: what it answers, to whom, and what it writes down.
#include <support/catch.h>
#include <support/support.h>
#include <tools/small_server.h>

namespace fovea {
namespace {
using namespace test;

TEST_CASE("serve answers a photo with the document that classify prints") {
  RunningServer server({});
  server.wait_until_ready();
  const Ran ran = fovea_program({"classify", source_file("examples/photos/chelsea.png").string(), "--json"});
  REQUIRE(ran.code == 0);
  const Document expected = ran.json();
  for (const char* method : {"POST", "PUT"}) {  // curl --data-binary, curl -T
    const HttpAnswer answer = server.request(method, "/api/classify?name=a%20b.png", chelsea());
    REQUIRE(answer.status == 200);
    CHECK(answer.headers.at("content-type") == "application/json");
    const Document d = answer.json();
    CHECK(keys(d) == keys(expected));
    CHECK(d.at("schema") == "fovea.classify/1");
    CHECK(d.at("model").at("weights") == "efficientnet-lite0.safetensors");  // no path of the server's machine
    CHECK(d.at("model").at("sha256") == expected.at("model").at("sha256"));
    REQUIRE(d.at("images").size() == 1);
    const Document& image = d.at("images")[0];
    CHECK(keys(image) == keys(expected.at("images")[0]));
    CHECK(image.at("path") == "a b.png");
    CHECK(image.at("width") == 451);
    CHECK(image.at("top") == expected.at("images")[0].at("top"));
  }
  const Document two = server.request("POST", "/api/classify?top=2", chelsea()).json();
  CHECK(two.at("images")[0].at("path") == "body");
  CHECK(two.at("images")[0].at("top").size() == 2);
}

TEST_CASE("explain adds a heat map as a PNG, of the best class or of the one asked for") {
  RunningServer server({});
  server.wait_until_ready();
  const Document best = server.request("POST", "/api/classify?explain=gradcam", chelsea()).json();
  const Document image = best.at("images")[0];
  CHECK(keys(image.at("explain")) == Words{"method", "name", "class", "probability", "width", "height", "png"});
  CHECK(image.at("explain").at("method") == "gradcam");
  CHECK(image.at("explain").at("class") == image.at("top")[0].at("class"));
  CHECK(image.at("explain").at("width") == 451);
  CHECK(image.at("explain").at("height") == 300);
  CHECK(image.at("explain").at("png").get<std::string>().starts_with("iVBORw0KGgo"));  // PNG's signature in base64
  const Document other = server.request("POST", "/api/classify?explain=gradcam&class=7", chelsea()).json();
  CHECK(other.at("images")[0].at("explain").at("class") == 7);
  CHECK(other.at("images")[0].at("explain").at("png") != image.at("explain").at("png"));
  CHECK(server.request("POST", "/api/classify?explain=magic", chelsea()).error_code() == "bad_parameter");
  CHECK(server.request("POST", "/api/classify?explain=gradcam&class=1000", chelsea()).status == 400);
  CHECK(server.request("POST", "/api/classify?class=7", chelsea()).status == 400);
}

TEST_CASE("the port listens before the model is loaded, and readyz says when it is") {
  const TemporaryFolder folder;
  Words weights;
  for (int i = 0; i < 12; ++i) {  // some seconds of loading
    const auto link = folder / ("net" + std::to_string(i) + ".safetensors");
    std::filesystem::create_symlink(source_file("models/efficientnet-lite0.safetensors"), link);
    weights.insert(weights.end(), {"--weights", link.string()});
  }
  RunningServer server(weights);
  const HttpAnswer early = server.get("/readyz");
  CHECK(early.status == 503);
  CHECK(early.error_code() == "loading");
  CHECK(early.headers.count("retry-after") == 1);
  CHECK(server.get("/healthz").status == 200);
  CHECK(server.request("POST", "/api/classify", tiny_photo()).error_code() == "loading");
  server.wait_until_ready();
  CHECK(server.get("/api/models").json().at("models").size() == 12);
}

TEST_CASE("models describes each network, and ?model= chooses one") {
  const TemporaryFolder folder;
  const std::string small = write_small_net(folder / "small.safetensors");
  RunningServer server({"--weights", "efficientnet-lite0.safetensors", "--weights", small});
  server.wait_until_ready();
  const Document d = server.get("/api/models").json();
  CHECK(keys(d) == Words{"models", "max_upload", "version"});
  CHECK(d.at("max_upload") == 20 * 1024 * 1024);
  const Document& first = d.at("models").at(0);
  CHECK(keys(first) == Words{"name", "architecture", "weights", "sha256", "size", "license", "origin", "classes",
                             "class_names", "preprocess", "default", "explain"});
  CHECK(first.at("name") == "efficientnet-lite0");
  CHECK(first.at("license").get<std::string>().starts_with("Apache-2.0"));
  CHECK(first.at("class_names").size() == 1000);
  CHECK(first.at("default") == true);
  CHECK(d.at("models").at(1).at("name") == "small");
  CHECK(d.at("models").at(1).at("default") == false);
  const Document chosen = server.request("POST", "/api/classify?model=small", tiny_photo()).json();
  CHECK(chosen.at("model").at("name") == "resnet20");
  const HttpAnswer unknown = server.request("POST", "/api/classify?model=smal", tiny_photo());
  CHECK(unknown.status == 404);
  CHECK(contains(unknown.error_message(), "did you mean 'small'?"));

  std::filesystem::create_directory(folder / "other");
  std::filesystem::copy_file(small, folder / "other/small.safetensors");
  const Ran twice =
      fovea_program({"serve", "--weights", small, "--weights", (folder / "other/small.safetensors").string()});
  CHECK(twice.code == 2);
  CHECK(contains(twice.err, "would both be called 'small'"));
}

TEST_CASE("every answer carries the security headers") {
  SmallServer server;
  HttpConnection broken = server->connect();
  broken.send("no HTTP at all\r\n\r\n");
  const HttpAnswer answers[] = {server->get("/"),
                                server->get("/api/models"),
                                server->get("/nowhere"),
                                server->request("DELETE", "/api/classify"),
                                server->request("POST", "/api/classify", "no photo"),
                                server->get("/", {"Host: evil.example"}),
                                broken.receive()};
  const int statuses[] = {200, 200, 404, 405, 422, 403, 400};
  for (std::size_t i = 0; i < std::size(answers); ++i) {
    const HttpAnswer& a = answers[i];
    CHECK(a.status == statuses[i]);
    CHECK(a.headers.at("content-security-policy") ==
          "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; "
          "media-src blob:; frame-ancestors 'none'");
    CHECK(a.headers.at("x-content-type-options") == "nosniff");
    CHECK(a.headers.at("referrer-policy") == "no-referrer");
  }
}

TEST_CASE("the page is served with the types that browsers want, and HEAD says what GET would") {
  SmallServer server;
  CHECK(server->get("/").headers.at("content-type") == "text/html; charset=utf-8");
  CHECK(server->get("/page.css").headers.at("content-type") == "text/css; charset=utf-8");
  CHECK(server->get("/page.js").headers.at("content-type") == "text/javascript; charset=utf-8");
  CHECK(server->get("/icon.svg").headers.at("content-type") == "image/svg+xml");
  for (const char* path : {"/", "/healthz", "/api/models", "/nowhere"}) {
    CAPTURE(path);
    HttpConnection c = server->connect();
    c.send(http_request("HEAD", path) + http_request("GET", path));
    const HttpAnswer head = c.receive(true), get = c.receive();
    CHECK(head.status == get.status);
    CHECK(head.headers.at("content-length") == std::to_string(get.body.size()));
    CHECK(head.headers.at("content-type") == get.headers.at("content-type"));
  }
}

TEST_CASE("other methods get 405 with what is allowed, other paths 404, in JSON") {
  SmallServer server;
  const HttpAnswer post = server->request("POST", "/", "x");
  CHECK(post.status == 405);
  CHECK(post.error_code() == "method_not_allowed");
  CHECK(post.headers.at("allow") == "GET, HEAD");
  CHECK(server->get("/api/classify").headers.at("allow") == "POST, PUT");
  for (const char* path : {"/nowhere", "/../etc/passwd", "/%2e%2e/etc/passwd", "//", "/page.css/", "/api/classify/",
                           "/healthz%00", "/API/MODELS"}) {
    CAPTURE(path);
    const HttpAnswer a = server->get(path);
    CHECK(a.status == 404);
    CHECK(a.error_code() == "not_found");
  }
  for (const char* path : {"ftp://localhost/", "http://", "http:///", "*", "/?x=%", "/?x=%4"}) {
    CAPTURE(path);
    CHECK(server->get(path).status == 400);
  }
  CHECK(server->request("OPTIONS", "*").headers.at("allow") == "GET, HEAD, POST, PUT");
  HttpConnection c = server->connect();
  c.send(http_request("HEAD", "ftp://localhost/"));
  CHECK(c.receive(true).status == 400);
  CHECK(c.ended());
  CHECK(contains(server->log(), " HEAD - 400 "));
}

TEST_CASE("a path may stand behind http:// and a name, which then is the one that counts") {
  SmallServer server;
  for (const char* path : {"http://localhost/healthz", "HTTP://127.0.0.1:80/healthz?x=1"}) {
    CAPTURE(path);
    CHECK(server->get(path).json().at("status") == "live");
  }
  CHECK(server->get("http://localhost").headers.at("content-type") == "text/html; charset=utf-8");
  CHECK(server->get("http://localhost/", {"Host: evil.example"}).status == 200);
  CHECK(server->get("http://evil.example/").error_code() == "forbidden_host");
  CHECK(server->get("http://localhost@evil.example/").error_code() == "forbidden_host");
}

TEST_CASE("parameters that are wrong are named") {
  SmallServer server;
  for (const char* query : {"top=0", "top=x", "top=99999999999999999999", "topp=5", "explain=", "class=3"}) {
    CAPTURE(query);
    const HttpAnswer a = server->request("POST", std::string("/api/classify?") + query, tiny_photo());
    CHECK(a.status == 400);
    CHECK(a.error_code() == "bad_parameter");
  }
  CHECK(contains(server->request("POST", "/api/classify?topp=5", tiny_photo()).error_message(), "did you mean 'top'?"));
  CHECK(server->request("POST", "/api/classify?top=1000", tiny_photo()).json().at("images")[0].at("top").size() == 10);
}

TEST_CASE("forms are refused with the line that works") {
  SmallServer server;
  const HttpAnswer a =
      server->request("POST", "/api/classify", "--x--", {"Content-Type: multipart/form-data; boundary=x"});
  CHECK(a.status == 415);
  CHECK(contains(a.error_message(), "curl --data-binary @cat.jpg http://localhost/api/classify"));
  CHECK(server->request("POST", "/api/classify", tiny_photo(), {"Content-Encoding: gzip"}).status == 415);
  CHECK(server->request("POST", "/api/classify", tiny_photo(), {"Content-Type: application/x-www-form-urlencoded"})
            .status == 200);  // what curl --data-binary says
}

TEST_CASE("bytes that are no photo get 422 with what the decoder said") {
  SmallServer server;
  const HttpAnswer text = server->request("POST", "/api/classify?name=cat.jpg", "hello");
  CHECK(text.status == 422);
  CHECK(text.error_code() == "bad_image");
  CHECK(text.error_message() == "cat.jpg: not an image: JPEG, PNG, BMP and PNM are read");
  CHECK(contains(server->request("POST", "/api/classify", "GIF89a......").error_message(), "GIF"));
  CHECK(server->request("POST", "/api/classify").error_message() == "body: the file is empty");
  const std::string bomb = text_of_file(source_file("tests/data/edge-images/bomb.png"));
  CHECK(server->request("POST", "/api/classify", bomb).status == 422);
}

TEST_CASE("with an API key /api/* and /metrics want it, and nothing else does") {
  const TemporaryFolder folder;
  RunningServer server({"--api-key-file", folder.write("key", " secret key \nsecond line\n").string()});
  const Words right = {"Authorization: Bearer secret key"};
  for (const char* path : {"/api/models", "/metrics", "/api/nowhere"}) {
    CAPTURE(path);
    for (const char* wrong : {"X: none", "Authorization: Bearer secret", "Authorization: Bearer secret keys",
                              "Authorization: Basic secret key", "Authorization: Bearer "}) {
      const HttpAnswer a = server.get(path, {wrong});
      CHECK(a.status == 401);
      CHECK(a.error_code() == "unauthorized");
      CHECK(a.headers.at("www-authenticate") == "Bearer");
    }
    CHECK(server.get(path, right).status != 401);
  }
  CHECK(server.request("POST", "/api/classify", chelsea()).status == 401);
  for (const char* path : {"/", "/page.js", "/healthz"}) CHECK(server.get(path).status == 200);
  CHECK(!contains(server.log(), "secret"));
  const Ran empty =
      fovea_program({"serve", "--port", "0", "--api-key-file", folder.write("empty", "\nkey\n").string()});
  CHECK(empty.code == 4);
}

TEST_CASE("a foreign Host or Origin is refused") {
  SmallServer server({"--allow-host", "photos.example"});
  for (const char* host : {"localhost", "localhost:8080", "127.0.0.1", "127.8.9.1:80", "[::1]:8080", "LOCALHOST",
                           "a.localhost", "photos.example", "Photos.Example:443", "localhost.", "localhost.:80",
                           "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]:80", "photos.example."}) {
    CAPTURE(host);
    CHECK(server->get("/", {std::string("Host: ") + host}).status == 200);
  }
  for (const char* host : {"evil.example",
                           "localhost.evil.example",
                           "127.0.0.1.evil.example",
                           "photos.example.org",
                           "",
                           "10.0.0.1",
                           "user@localhost",
                           "[",
                           "localhost, evil.example",
                           "[::1]evil.example",
                           "[::1",
                           "[::1]:x",
                           "::1",
                           "localhost:evil.example",
                           "localhost:80:80",
                           "127.999.1.1",
                           "127.1",
                           "[localhost]",
                           ".",
                           "[]"}) {
    CAPTURE(host);
    const HttpAnswer a = server->get("/", {std::string("Host: ") + host});
    CHECK(a.status == 403);
    CHECK(a.error_code() == "forbidden_host");
  }
  const auto with_origin = [&](const std::string& origin) {
    return server->get("/healthz", {"Host: localhost:8080", "Origin: " + origin}).status;
  };
  CHECK(with_origin("http://localhost:8080") == 200);
  CHECK(with_origin("https://LOCALHOST:8080") == 200);
  CHECK(with_origin("http://localhost:8081") == 403);
  CHECK(with_origin("http://evil.example") == 403);
  CHECK(with_origin("null") == 403);
  CHECK(with_origin("") == 403);
  CHECK(server->get("/", {"Host: localhost", "Host: localhost"}).status == 400);
  CHECK(server->get("/", {"Host: localhost", "Origin: http://localhost", "Origin: http://evil.example"}).status == 400);
  HttpConnection without = server->connect();
  without.send("GET / HTTP/1.1\r\n\r\n");
  CHECK(without.receive().status == 400);
}

TEST_CASE("listening beyond loopback without a key is warned of") {
  SmallServer everywhere({"--host", "0.0.0.0"});
  CHECK(contains(everywhere->log(), "warning: with --host 0.0.0.0 and without --api-key-file everybody"));
  CHECK(everywhere->get("/", {"Host: 0.0.0.0"}).status == 200);
  SmallServer here;
  CHECK(!contains(here->log(), "warning"));
  CHECK(here->first_line() == "fovea serve: http://127.0.0.1:" + std::to_string(here->port()) + "/ (Ctrl+C ends it)\n");
}

TEST_CASE("a host in an option is a name or an address") {
  for (const char* wrong : {"photos.example:443", "http://photos.example", "photos.example/", "", "[::1", "[::1]:80"})
    for (const char* option : {"--allow-host", "--host"}) {
      CAPTURE(option, wrong);
      const Ran ran = fovea_program({"serve", "--port", "0", option, wrong}, {.seconds = 20});
      CHECK(ran.code == 2);
      CHECK(contains(ran.err, std::string(option) + " is '" + wrong + "', a name or an IP address is wanted"));
    }
  SmallServer server({"--allow-host", "[2001:DB8:0::1]", "--allow-host", "photos.example."});
  CHECK(server->get("/", {"Host: [2001:db8::1]:80"}).status == 200);
  CHECK(server->get("/", {"Host: photos.example"}).status == 200);
}

TEST_CASE("an IPv6 address may be listened on") {
  if (!has_ipv6()) return;
  for (const char* host : {"::1", "[::1]"}) {
    SmallServer server({"--host", host});
    CHECK(server->first_line() ==
          "fovea serve: http://[::1]:" + std::to_string(server->port()) + "/ (Ctrl+C ends it)\n");
    CHECK(server->get("/healthz", {"Host: [::1]"}).status == 200);
    RunningServer::wait_until([&] { return contains(server->log(), " ::1 GET /healthz 200 "); });
    CHECK(!contains(server->log(), "warning"));
  }
}

TEST_CASE("the log has a line a request, and nothing of the photo in it") {
  SmallServer text, json({"--log", "json"});
  for (SmallServer* server : {&text, &json}) {
    (*server)->request("POST", "/api/classify?name=private.png", tiny_photo());
    (*server)->get("/a\x1b[31mb");
    (*server)->get("/last");
    RunningServer::wait_until([&] { return contains((*server)->log(), "/last"); });
    CHECK(!contains((*server)->log(), "private"));
    CHECK(!contains((*server)->log(), "\x1b"));
    CHECK(!contains((*server)->log(), "PNG"));
  }
  std::size_t posts = 0;
  for (const std::string& line : lines_of(json->log())) {
    const Document d = Document::parse(line);
    CHECK(keys(d) == Words{"time", "client", "method", "path", "status", "received", "sent", "ms"});
    if (d.at("method") != "POST") continue;
    ++posts;
    CHECK(d.at("client") == "127.0.0.1");
    CHECK(d.at("path") == "/api/classify");
    CHECK(d.at("status") == 200);
    CHECK(d.at("received") == http_request("POST", "/api/classify?name=private.png", tiny_photo()).size());
  }
  CHECK(posts == 1);
  CHECK(contains(text->log(), " 127.0.0.1 POST /api/classify 200 in "));
}

TEST_CASE("metrics count requests, photos, bytes and times") {
  SmallServer server;
  const HttpAnswer before = server->get("/metrics");
  CHECK(before.headers.at("content-type") == "text/plain; version=0.0.4; charset=utf-8");
  for (int i = 0; i < 3; ++i) server->request("POST", "/api/classify", tiny_photo());
  server->get("/one");
  server->get("/two");
  RunningServer::wait_until([&] {
    return server->metric("fovea_http_requests_total{route=\"/api/classify\",code=\"200\"}") == 3 &&
           server->metric("fovea_http_requests_total{route=\"other\",code=\"404\"}") == 2;
  });
  CHECK(server->metric("fovea_photos_total") == 3);
  CHECK(server->metric("fovea_batches_total") == 3);
  CHECK(server->metric("fovea_queue_length") == 0);
  CHECK(server->metric("fovea_connections") >= 1);
  CHECK(server->metric("fovea_received_bytes_total") > 3 * static_cast<double>(tiny_photo().size()));
  const double answered = server->metric("fovea_http_request_duration_seconds_count");
  CHECK(answered >= 5);
  CHECK(server->metric("fovea_http_request_duration_seconds_bucket{le=\"+Inf\"}") == answered + 1);
  for (const std::string& line : lines_of(before.body)) {  // name or name{labels}, a blank, a number
    CAPTURE(line);
    if (line.starts_with("# HELP ") || line.starts_with("# TYPE ")) continue;
    const std::size_t blank = line.rfind(' ');
    REQUIRE(blank != std::string::npos);
    CHECK_NOTHROW(std::stod(line.substr(blank)));
    CHECK(line.starts_with("fovea_"));
  }
}

TEST_CASE("promtool accepts the metrics") {
  if (!needs("promtool")) return;
  SmallServer server;
  server->request("POST", "/api/classify", tiny_photo());
  const TemporaryFolder folder;
  const std::filesystem::path metrics = folder.write("metrics.txt", server->get("/metrics").body);
  const Ran ran = run_command({"/bin/sh", "-c", "promtool check metrics < '" + metrics.string() + "'"});
  CAPTURE(ran.out, ran.err);
  CHECK(ran.code == 0);
  CHECK(ran.err.empty());  // its advice
}

TEST_CASE("a photo has one answer, whatever batch it travelled in") {
  const std::vector<std::string> names = {"astronaut.png", "camera.png",       "chelsea.png", "china.jpg",
                                          "coffee.png",    "grace_hopper.jpg", "flower.jpg",  "rocket.jpg"};
  std::vector<std::string> photos;
  for (const std::string& n : names) photos.push_back(text_of_file(source_file("examples/photos/" + n)));
  RunningServer alone({"--batch", "1"}), together({"--batch-wait", "200"});
  alone.wait_until_ready();
  together.wait_until_ready();
  std::vector<Document> expected;
  for (const std::string& p : photos)
    expected.push_back(alone.request("POST", "/api/classify", p).json().at("images")[0].at("top"));
  std::vector<HttpConnection> open;
  for (const std::string& p : photos) {
    open.push_back(together.connect());
    open.back().send(http_request("POST", "/api/classify", p));
  }
  for (std::size_t i = 0; i < photos.size(); ++i) {
    CAPTURE(names[i]);
    const Document top = open[i].receive().json().at("images")[0].at("top");
    REQUIRE(top.size() == 5);
    for (std::size_t k = 0; k < 5; ++k) {
      CHECK(top[k].at("class") == expected[i][k].at("class"));
      CHECK(top[k].at("probability").get<double>() ==
            Approx(expected[i][k].at("probability").get<double>()).margin(1e-5));
    }
  }
  CHECK(together.metric("fovea_photos_total") == 8);
  CHECK(together.metric("fovea_batches_total") < 8);
}

TEST_CASE("--open opens the page, and a machine without xdg-open is told the address") {
  const TemporaryFolder folder;
  const auto opener =
      folder.write("xdg-open", "#!/bin/sh\necho \"$1\" >" + (folder / "opened.part").string() + "\nmv " +
                                   (folder / "opened.part").string() + " " + (folder / "opened").string() + "\n");
  std::filesystem::permissions(opener, std::filesystem::perms::owner_all);
  SmallServer server({"--open"}, {.environment = {"PATH=" + (folder / "").string() + ":/usr/bin:/bin"}});
  RunningServer::wait_until([&] { return std::filesystem::exists(folder / "opened"); });
  CHECK(text_of_file(folder / "opened") == "http://127.0.0.1:" + std::to_string(server->port()) + "/\n");
  SmallServer without({"--open"}, {.environment = {"PATH=/nowhere"}});
  CHECK(contains(without->log(), "please open http://127.0.0.1:" + std::to_string(without->port()) + "/ yourself"));
}

TEST_CASE("the browser inherits neither our sockets nor the signals that we ignore") {
  const TemporaryFolder folder;
  const std::string found = (folder / "found").string();
  const auto opener =
      folder.write("xdg-open", "#!/bin/sh\nls -l /proc/$$/fd >" + found + ".part\ngrep SigIgn /proc/$$/status >>" +
                                   found + ".part\nmv " + found + ".part " + found + "\n");
  std::filesystem::permissions(opener, std::filesystem::perms::owner_all);
  SmallServer server({"--open"}, {.environment = {"PATH=" + (folder / "").string() + ":/usr/bin:/bin"}});
  RunningServer::wait_until([&] { return std::filesystem::exists(found); });
  const std::string text = text_of_file(found);
  CAPTURE(text);
  CHECK(!contains(text, "socket:"));
  const std::size_t ignored = text.find("SigIgn:");
  REQUIRE(ignored != std::string::npos);
  const std::uint64_t signals = std::stoull(text.substr(ignored + 7), nullptr, 16);
  for (const int signal : {SIGPIPE, SIGCHLD}) CHECK((signals >> (signal - 1) & 1) == 0);
}

}  // namespace
}  // namespace fovea
