#include <camlink/protocol.h>
#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "board.h"

using namespace camlink;

namespace {

Message read(std::string_view text, Framesize largest = Framesize::kUxga, std::uint8_t can = kCanAll) {
  Message message;
  decode(text, largest, can, message);
  return message;
}

std::string set(std::string_view values) { return R"({"type":"set","id":1,"values":)" + std::string(values) + "}"; }

constexpr const char* kDigest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string update(std::string_view url, std::string_view size) {
  return R"({"type":"update","id":5,"url":")" + std::string(url) + R"(","sha256":")" + kDigest + R"(","size":)" +
         std::string(size) + R"(,"version":"1.2.0"})";
}

}  // namespace

TEST_CASE("Protocol: hello names what the board can do") {
  char buffer[kMaxSentBytes];
  Hello hello = camlink_tests::some_hello();
  hello.largest = Framesize::kQvga;
  hello.capabilities = kCanEcf1 | kCanFramesize | kCanUpdate;
  CHECK(encode_hello(hello, buffer, sizeof buffer) ==
        R"({"type":"hello","v":1,"firmware":"espcam-firmware/1.0.0","version":"1.0.0","board":"ai-thinker",)"
        R"("chip":"ESP32","psram":4194304,"mac":"aa:bb:cc:dd:ee:ff","sensor":"OV2640","framesizes":["QQVGA","QVGA"],)"
        R"("capabilities":["ecf1","framesize","update"],"reset_reason":"power_on"})");
  hello.capabilities = kCanEcf1;
  CHECK(encode_hello(hello, buffer, sizeof buffer).find(R"("framesizes":[])") != std::string_view::npos);
  CHECK(encode_hello(hello, buffer, 50).empty());
}

TEST_CASE("Protocol: telemetry leaves out what is not known") {
  char buffer[kMaxSentBytes];
  Telemetry telemetry;
  telemetry.rssi_dbm = -61.5F;
  telemetry.temperature_c = NAN;
  telemetry.send_ms = NAN;
  telemetry.frames_dropped = 4;
  const std::string text(encode_telemetry(telemetry, buffer, sizeof buffer));
  CHECK(text.find(R"("rssi_dbm":-61.5)") != std::string::npos);
  CHECK(text.find(R"("frames_dropped":4)") != std::string::npos);
  CHECK(text.find("temperature_c") == std::string::npos);
  CHECK(text.find("send_ms") == std::string::npos);
}

TEST_CASE("Protocol: state, ack, progress") {
  char buffer[kMaxSentBytes];
  const Values values = {Framesize::kVga, 10, 7.5F, 128};
  CHECK(encode_state(values, kCanAll, NAN, buffer, sizeof buffer) ==
        R"({"type":"state","framesize":"VGA","quality":10,"max_fps":7.5,"flash":128})");
  CHECK(encode_state(values, kCanQuality, 3.25F, buffer, sizeof buffer) ==
        R"({"type":"state","quality":10,"fps":3.25})");
  CHECK(encode_ack(3, "", buffer, sizeof buffer) == R"({"type":"ack","id":3,"ok":true})");
  CHECK(encode_ack(-3, "no \"x\"", buffer, sizeof buffer) == R"({"type":"ack","id":-3,"ok":false,"error":"no \"x\""})");
  CHECK(encode_progress(9, 10, 20, buffer, sizeof buffer) ==
        R"({"type":"progress","id":9,"written_bytes":10,"size":20})");
}

TEST_CASE("Protocol: the frame header is big-endian") {
  std::uint8_t bytes[kFrameHeaderBytes];
  encode_frame_header({0x01020304, 0x1122334455667788ULL, 0xA0B0C0D0}, bytes);
  const std::uint8_t expected[] = {'E',  'C',  'F',  '1',  1,    2,    3,    4,    0x11, 0x22,
                                   0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0xA0, 0xB0, 0xC0, 0xD0};
  CHECK(std::string(reinterpret_cast<const char*>(bytes), sizeof bytes) ==
        std::string(reinterpret_cast<const char*>(expected), sizeof expected));
}

TEST_CASE("Protocol: what is no message is passed over") {
  for (const char* text : {"", "[]", "1", "{}", R"({"type":1})", R"({"id":4})", "rubbish"}) {
    CAPTURE(text);
    CHECK(read(text).kind == MessageKind::kNone);
  }
  CHECK(read(R"({"type":"set","values":{},"x":")" + std::string(kMaxTextBytes, 'x') + "\"}").kind ==
        MessageKind::kNone);
  const Message unknown = read(R"({"type":"dance","id":4})");
  CHECK(unknown.kind == MessageKind::kUnknown);
  CHECK(unknown.has_id);
  CHECK(unknown.type.view() == "dance");
  CHECK(read(R"({"type":")" + std::string(60, 'y') + R"(","id":4})").kind == MessageKind::kUnknown);
}

TEST_CASE("Protocol: welcome") {
  const Message message = read(
      R"({"type":"welcome","v":1,"camera_id":"door","server_time_ms":1764158400000,"values":{"quality":9,"flash":null}})");
  CHECK(message.kind == MessageKind::kWelcome);
  CHECK(message.welcome.camera_id.view() == "door");
  CHECK(message.welcome.server_time_unix_ms == 1764158400000);
  CHECK(message.welcome.values.has_quality);
  CHECK_FALSE(message.welcome.values.has_flash);
  CHECK(message.problem.empty());
  CHECK(read(R"({"type":"welcome"})").kind == MessageKind::kWelcome);
  CHECK(read(R"({"type":"welcome","server_time_ms":-4})").welcome.server_time_unix_ms == 0);
}

TEST_CASE("Protocol: set takes what is in range") {
  const Message message = read(set(R"({"framesize":"XGA","quality":63,"max_fps":0.5,"flash":true})"));
  CHECK(message.problem.empty());
  CHECK(message.set.wanted.framesize == Framesize::kXga);
  CHECK(message.set.wanted.quality == 63);
  CHECK(message.set.wanted.max_fps == doctest::Approx(0.5));
  CHECK(message.set.wanted.flash == 255);
  CHECK(read(set(R"({"flash":false})")).set.wanted.flash == 0);
}

TEST_CASE("Protocol: set names each value that cannot be, and takes the others") {
  const Message message = read(set(R"({"quality":3,"flash":40,"max_fps":"fast","wings":2})"));
  CHECK(message.set.has_flash);
  CHECK_FALSE(message.set.has_quality);
  CHECK_FALSE(message.set.has_max_fps);
  CHECK(message.problem.view() ==
        "quality: not a whole number from 4 to 63; max_fps: not a number from 0.5 to 60; wings: cannot be set on this "
        "board");
  CHECK(read(set(R"({"framesize":"UXGA"})"), Framesize::kVga).problem.view() ==
        "framesize: not a size from QQVGA to VGA");
  CHECK(read(set(R"({"flash":1})"), Framesize::kVga, kCanQuality).problem.view() ==
        "flash: cannot be set on this board");
  CHECK(read(set(R"({"flash":256})")).problem.view() == "flash: not a whole number from 0 to 255");
  CHECK(read(R"({"type":"set","id":1})").problem.view() == "values: no object");
  CHECK(read(set("[1]")).problem.view() == "values: no object");
}

TEST_CASE("Protocol: restart and update need the board's ability") {
  CHECK(read(R"({"type":"restart","id":2})").problem.empty());
  CHECK(read(R"({"type":"restart","id":2})", Framesize::kVga, 0).problem.view() ==
        "restart: cannot be done on this board");
  CHECK(read(update("http://a/b", "5"), Framesize::kVga, 0).problem.view() == "update: cannot be done on this board");
}

TEST_CASE("Protocol: update is checked whole") {
  const Message good = read(update("https://bridge.lan:3001/firmware/abc", "1048576"));
  CHECK(good.problem.empty());
  CHECK(good.update.url.view() == "https://bridge.lan:3001/firmware/abc");
  CHECK(good.update.size_bytes == 1048576);
  CHECK(good.update.sha256[0] == 0xe3);
  CHECK(good.update.version.view() == "1.2.0");
  for (const auto& bad : {update("ftp://a/b", "5"), update("http://", "5"), update("http://a/b", "0"),
                          update("http://a/b", "-1"), update("http://a/b", "4294967296"),
                          update("http://a/" + std::string(300, 'b'), "5"), std::string(R"({"type":"update","id":5})"),
                          std::string(R"({"type":"update","url":"http://a/b","sha256":"00","size":5,"version":""})")}) {
    CAPTURE(bad);
    CHECK_FALSE(read(bad).problem.empty());
  }
}
