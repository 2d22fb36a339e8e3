// The library allocates nothing: neither in the frame path nor anywhere else.
#include <camlink.h>
#include <doctest/doctest.h>

#include <cstdlib>
#include <new>

#include "board.h"

using namespace camlink;

namespace {

std::size_t allocations = 0;

// A port that itself allocates nothing.
struct Quiet : SessionPort {
  void open_portal() override {}
  void close_portal() override {}
  void join_wifi() override {}
  void discover() override {}
  void dial(const Endpoint& /*endpoint*/, std::string_view /*bearer*/) override {}
  bool send_text(std::string_view text) override {
    texts += text.empty() ? 0 : 1;
    return true;
  }
  void ping() override {}
  void close(std::uint16_t /*code*/, std::string_view /*reason*/) override {}
  bool apply(const ValuesChange& /*change*/, Problem& /*problem*/) override { return true; }
  void read_telemetry(Telemetry& /*out*/) override {}
  void power_cycle_camera() override {}
  void begin_update(const UpdateOrder& /*order*/) override {}
  void mark_image_valid() override {}
  void roll_back() override {}
  void restart(RestartReason /*reason*/) override {}
  void set_clock(std::int64_t /*unix_ms*/) override {}
  std::uint32_t random() override { return 1; }
  void log(std::string_view /*line*/) override {}

  int texts = 0;
};

}  // namespace

// NOLINTBEGIN: replacing them is the point
void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) {
    return memory;
  }
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
// NOLINTEND

TEST_CASE("Heap: a day of the link without one allocation") {
  Quiet port;
  const Hello hello = camlink_tests::some_hello();
  const Configuration configuration = camlink_tests::some_configuration();
  Session session(port, hello, configuration, Values());
  const std::uint8_t jpeg[] = {0xFF, 0xD8, 0xFF, 0xC0, 0, 11, 8, 0, 8, 0,  8, 1, 1,    0x11,
                               0,    0xFF, 0xDA, 0,    8, 1,  1, 0, 0, 63, 0, 1, 0xFF, 0xD9};
  std::uint8_t header[kFrameHeaderBytes];
  std::uint32_t now_ms = 0;
  bool whole = true;

  const std::size_t before = allocations;
  session.start(now_ms, true);
  session.on_wifi_up(now_ms);
  session.on_open(now_ms);
  session.on_text(now_ms, R"({"type":"welcome","values":{"quality":9.5,"framesize":"VGA","max_fps":7.5}})");
  for (int second = 0; second < 86400; ++second) {
    now_ms += 1000;
    session.on_heard(now_ms);
    encode_frame_header({static_cast<std::uint32_t>(second), 1, 0}, header);
    whole = check_jpeg(jpeg, sizeof jpeg).ok() && whole;
    session.on_camera_works(now_ms);
    session.on_frame_sent(now_ms);
    session.tick(now_ms);
    if (second % 600 == 0) {
      session.on_text(now_ms,
                      R"({"type":"set","id":1,"values":{"quality":9,"x":[1,2,{"a":"\ud83d\ude00"}],"max_fps":1e0}})");
    }
  }
  const std::size_t after = allocations;
  CHECK(after == before);
  CHECK(whole);
  CHECK(port.texts > 8640);
  std::string proof(100, 'x');
  CHECK(allocations > after);  // it does count
}
