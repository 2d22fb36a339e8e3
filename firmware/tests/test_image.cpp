#include <camlink.h>
#include <doctest/doctest.h>

#include <string>

using namespace camlink;

namespace {

Sha256Digest digest_of(std::string_view text) {
  Sha256 sha;
  sha.update(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  return sha.finish();
}

std::string hex(const Sha256Digest& digest) {
  std::string out;
  for (const std::uint8_t byte : digest) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

const std::string kNul(1, '\0');

std::string image(const std::string& inside) {
  return "\xE9" + std::string(100, 'x') + inside + std::string(3000, 'y');
}

std::string marker(const std::string& board) { return "ESPCAM-FIRMWARE;board=" + board + ";version=1.2.0;" + kNul; }

// What becomes of it, fed in pieces: empty when it is right.
std::string problem_of(const std::string& bytes, std::size_t piece = 512, std::size_t announced = 0) {
  UpdateOrder order;
  order.size_bytes = static_cast<std::uint32_t>(announced != 0 ? announced : bytes.size());
  order.sha256 = digest_of(bytes);
  ImageCheck check;
  check.begin(order, "ai-thinker");
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const std::string_view part = std::string_view(bytes).substr(at, piece);
    if (!check.feed(reinterpret_cast<const std::uint8_t*>(part.data()), part.size())) {
      CHECK_FALSE(check.feed(reinterpret_cast<const std::uint8_t*>(part.data()), part.size()));
      CHECK_FALSE(check.finish());
      return std::string(check.problem().view());
    }
  }
  CHECK(check.written_bytes() == bytes.size());
  const bool right = check.finish();  // first: it is what finds the problem
  CHECK(right == check.problem().empty());
  return std::string(check.problem().view());
}

}  // namespace

TEST_CASE("SHA-256: the examples of FIPS 180-4") {
  CHECK(hex(digest_of("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex(digest_of("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hex(digest_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(hex(digest_of(std::string(1000000, 'a'))) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("SHA-256: pieces of every size give the same") {
  const std::string text(1000, 'q');
  const Sha256Digest whole = digest_of(text);
  for (std::size_t piece = 1; piece <= 130; ++piece) {
    Sha256 sha;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      const std::string_view part = std::string_view(text).substr(at, piece);
      sha.update(reinterpret_cast<const std::uint8_t*>(part.data()), part.size());
    }
    CHECK(sha.finish() == whole);
  }
}

TEST_CASE("SHA-256: a digest is 64 hex digits") {
  Sha256Digest out{};
  CHECK(read_digest("BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", out));
  CHECK(out == digest_of("abc"));
  CHECK_FALSE(read_digest("ba78", out));
  CHECK_FALSE(read_digest(std::string(63, '0') + "g", out));
  CHECK(out == digest_of("abc"));
}

TEST_CASE("Image: right, in pieces of any size") {
  const std::string right = image(marker("ai-thinker"));
  for (const std::size_t piece : {1U, 2U, 7U, 22U, 100U, 101U, 512U, 100000U}) {
    CAPTURE(piece);
    CHECK(problem_of(right, piece).empty());
  }
}

TEST_CASE("Image: words that only begin like a marker lead nowhere") {
  for (const std::string& decoy :
       {std::string("ESPCAM-FIRMWARE;") + kNul, std::string("ESPCAM-FIRMWARE;board=") + kNul,
        "ESPCAM-FIRMWARE;board=;version=1;" + kNul, std::string("ESPCAM-FIRMWARE;board=x;version=1") + kNul,
        "ESPCAM-FIRMWARE;board=x;version=1;more" + kNul,
        std::string("ESPCAM-FIRMWARE;board=") + "\x01" + ";version=1;" + kNul,
        "ESPCAM-FIRMWARE;" + std::string(200, 'z') + kNul, std::string("ESPCAM-FIRMWARE;"),
        std::string("ESPCAM-FIRMWAR"), std::string("ESPCAM-FIRMWARESPCAM-FIRMWAR")}) {
    CAPTURE(decoy);
    CHECK(problem_of(image(decoy + marker("ai-thinker"))).empty());
    CHECK(problem_of(image(decoy)) == "the image does not say which board it is for");
  }
  CHECK(problem_of(image("ESPCAM-FIRMWARESPCAM-FIRMWARE;board=ai-thinker;version=1;" + kNul)).empty());
}

TEST_CASE("Image: wrong ones, each in words") {
  CHECK(problem_of(image(marker("esp-eye"))) == "the image is for esp-eye, this is ai-thinker");
  CHECK(problem_of("<html>" + image(marker("ai-thinker"))) == "this is no firmware image");
  CHECK(problem_of(image(marker("ai-thinker")), 512, 4000) == "3149 of 4000 bytes came");
  CHECK(problem_of(image(marker("ai-thinker")), 512, 3000) == "more bytes than the bridge announced");

  std::string changed = image(marker("ai-thinker"));
  UpdateOrder order;
  order.size_bytes = static_cast<std::uint32_t>(changed.size());
  order.sha256 = digest_of(changed);
  changed[50] = 'X';
  ImageCheck check;
  check.begin(order, "ai-thinker");
  CHECK(check.feed(reinterpret_cast<const std::uint8_t*>(changed.data()), changed.size()));
  CHECK_FALSE(check.finish());
  CHECK(check.problem().view() == "the SHA-256 is not the one announced");

  check.begin(order, "ai-thinker");  // a check can be used again
  changed[50] = 'x';
  CHECK(check.feed(reinterpret_cast<const std::uint8_t*>(changed.data()), changed.size()));
  CHECK(check.finish());
}
