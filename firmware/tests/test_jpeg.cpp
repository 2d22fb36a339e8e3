#include <camlink/jpeg.h>
#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <vector>

using namespace camlink;

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

const Bytes kStart = {0xFF, 0xD8};
const Bytes kEnd = {0xFF, 0xD9};
const Bytes kComment = {0xFF, 0xFE, 0x00, 0x06, 0xFF, 0xD8, 0xFF, 0xD9};  // markers within a segment are none
const Bytes kFrame = {0xFF, 0xC0, 0x00, 0x0B, 8, 0x00, 0xF0, 0x01, 0x40, 1, 1, 0x11, 0};
const Bytes kTables = {0xFF, 0xC4, 0x00, 0x03, 0};
const Bytes kScan = {0xFF, 0xDA, 0x00, 0x08, 1, 1, 0, 0, 63, 0, 0x12, 0xFF, 0x00, 0x34, 0xFF, 0xD3, 0x56};

JpegCheck check(const Bytes& bytes) { return check_jpeg(bytes.data(), bytes.size()); }
std::string fault(const Bytes& bytes) { return name(check(bytes).fault); }

Bytes whole() { return kStart + kComment + kFrame + kTables + kScan + kEnd; }

}  // namespace

TEST_CASE("JPEG: a whole picture, its size and its length") {
  const JpegCheck checked = check(whole());
  CHECK(checked.ok());
  CHECK(checked.length_bytes == whole().size());
  CHECK(checked.width_px == 320);
  CHECK(checked.height_px == 240);
  CHECK(fault(whole()) == "none");
}

TEST_CASE("JPEG: what a driver pads is left out") {
  const JpegCheck checked = check(whole() + Bytes(500, 0));
  CHECK(checked.ok());
  CHECK(checked.length_bytes == whole().size());
}

TEST_CASE("JPEG: several scans, and fill bytes before a marker") {
  CHECK(check(kStart + kFrame + kScan + kTables + kScan + kEnd).ok());
  CHECK(check(kStart + Bytes{0xFF, 0xFF} + kFrame + kScan + kEnd).ok());
}

TEST_CASE("JPEG: every cut is found") {
  const Bytes picture = whole();
  for (std::size_t length = 0; length < picture.size(); ++length) {
    CAPTURE(length);
    CHECK_FALSE(check_jpeg(picture.data(), length).ok());
  }
  CHECK(fault({}) == "empty");
  CHECK(fault({0xFF}) == "no start");
  CHECK(fault(kStart + kFrame) == "no picture data");
  CHECK(fault(kStart + kFrame + kScan) == "no end");
}

TEST_CASE("JPEG: two that were glued, and what is none") {
  CHECK(fault(kStart + kFrame + kScan + whole()) == "glued");
  CHECK(fault(kStart + whole()) == "glued");
  CHECK(fault({0x89, 'P', 'N', 'G'}) == "no start");
  CHECK(fault(kStart + kEnd) == "no picture data");
  CHECK(fault(kStart + Bytes{0x00, 0x10}) == "bad header");
  CHECK(fault(kStart + Bytes{0xFF, 0x01}) == "bad header");
  CHECK(fault(kStart + Bytes{0xFF, 0xFE, 0x00, 0x01}) == "bad header");
  CHECK(fault(kStart + Bytes{0xFF, 0xC0, 0x00, 0x04, 8, 0}) == "bad header");
  CHECK(fault(kStart + kScan + kEnd) == "bad header");  // pixels of a picture without a size
  CHECK(std::string(name(static_cast<JpegFault>(99))) == "unknown");
}

TEST_CASE("JPEG: one frame header, with a size") {
  Bytes flat = kFrame;
  flat[5] = flat[6] = 0;
  CHECK(fault(kStart + flat + kScan + kEnd) == "bad header");
  CHECK(fault(kStart + kFrame + kFrame + kScan + kEnd) == "bad header");
  CHECK(fault(kStart + kFrame + kScan + flat + kEnd) == "bad header");  // found by the fuzzer
}
