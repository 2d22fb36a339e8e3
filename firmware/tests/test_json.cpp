#include <camlink/json.h>
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

using namespace camlink;

namespace {

bool reads(std::string_view text) {
  JsonValue value;
  return read_json(text, value);
}

JsonValue value_of(std::string_view text) {
  JsonValue value;
  REQUIRE(read_json(text, value));
  return value;
}

std::string text_of(std::string_view json, std::size_t capacity = 64) {
  std::string buffer(capacity, '\0');
  std::string_view out;
  return value_of(json).as_text(buffer.data(), capacity, out) ? std::string(out) : "(refused)";
}

template <typename Write>
std::string written(Write write, std::size_t capacity = 200) {
  std::string buffer(capacity, '#');
  JsonWriter writer(buffer.data(), capacity);
  write(writer);
  return std::string(writer.view());
}

}  // namespace

TEST_CASE("JSON: what is right is read") {
  for (const char* text :
       {"{}", "[]", " [1, 2.5, -3e2, 0] ", R"({"a":{"b":[true,false,null]}})", "\"\"", "0", "-0.0"}) {
    CAPTURE(text);
    CHECK(reads(text));
  }
}

TEST_CASE("JSON: what is wrong is refused") {
  for (const char* text :
       {"",       " ",       "{",         "}",           "[1,]",   "{\"a\"}", "{\"a\":}", "{,}",   "{\"a\":1,}",
        "01",     "1.",      ".5",        "1e",          "+1",     "--1",     "tru",      "nul",   "\"",
        "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\n\"", "1 2",     "[1 2]",    "{1:2}", "NaN"}) {
    CAPTURE(text);
    CHECK_FALSE(reads(text));
  }
  CHECK_FALSE(reads(std::string_view("\"\0\"", 3)));
  CHECK_FALSE(reads("\"\xC0\x80\""));          // overlong
  CHECK_FALSE(reads("\"\xED\xA0\x80\""));      // a surrogate
  CHECK_FALSE(reads("\"\xF4\x90\x80\x80\""));  // beyond Unicode
  CHECK_FALSE(reads("\"\x80\""));
  CHECK_FALSE(reads("\"\xE2\x82\""));  // cut
}

TEST_CASE("JSON: depth is bounded") {
  CHECK(reads(std::string(kJsonMaxDepth - 1, '[') + "1" + std::string(kJsonMaxDepth - 1, ']')));
  CHECK_FALSE(reads(std::string(kJsonMaxDepth, '[') + "1" + std::string(kJsonMaxDepth, ']')));
  CHECK_FALSE(reads(std::string(100000, '[')));
}

TEST_CASE("JSON: whole numbers") {
  std::int64_t out = 42;
  CHECK(value_of("9223372036854775807").as_integer(out));
  CHECK(out == std::numeric_limits<std::int64_t>::max());
  CHECK(value_of("-9223372036854775808").as_integer(out));
  CHECK(out == std::numeric_limits<std::int64_t>::min());
  for (const char* text :
       {"9223372036854775808", "-9223372036854775809", "1.0", "1e3", "\"1\"", "true", "99999999999999999999"}) {
    CAPTURE(text);
    out = 42;
    CHECK_FALSE(value_of(text).as_integer(out));
    CHECK(out == 42);
  }
}

TEST_CASE("JSON: numbers and flags") {
  double number = 0;
  CHECK(value_of("-2.5e1").as_number(number));
  CHECK(number == doctest::Approx(-25));
  CHECK_FALSE(value_of("1e999").as_number(number));
  CHECK_FALSE(value_of("\"1\"").as_number(number));
  bool flag = false;
  CHECK(value_of("true").as_bool(flag));
  CHECK(flag);
  CHECK(value_of("false").as_bool(flag));
  CHECK_FALSE(flag);
  CHECK_FALSE(value_of("1").as_bool(flag));
  CHECK(value_of("null").is_null());
}

TEST_CASE("JSON: texts are unescaped") {
  CHECK(text_of(R"("a\"\\\/\b\f\n\r\tz")") == "a\"\\/\b\f\n\r\tz");
  CHECK(text_of(R"("\u00e9\u20ac")") == "\xC3\xA9\xE2\x82\xAC");
  CHECK(text_of(R"("\ud83d\ude00")") == "\xF0\x9F\x98\x80");
  CHECK(text_of("\"\xF0\x9F\x98\x80\"") == "\xF0\x9F\x98\x80");
  CHECK(text_of(R"("\ud83d")") == "(refused)");
  CHECK(text_of(R"("\ud83dx")") == "(refused)");
  CHECK(text_of(R"("\ude00")") == "(refused)");
  CHECK(text_of(R"("1234")", 4) == "1234");
  CHECK(text_of(R"("12345")", 4) == "(refused)");
}

TEST_CASE("JSON: members and items") {
  const JsonValue object = value_of(R"({"a":1,"b":{"a":2},"a":3,"\u0063":4})");
  JsonValue found;
  std::int64_t number = 0;
  CHECK(object.find("a", found));
  CHECK(found.as_integer(number));
  CHECK(number == 3);  // the last one counts
  CHECK(object.find("c", found));
  CHECK_FALSE(object.find("d", found));
  CHECK_FALSE(value_of("[1]").find("a", found));

  int items = 0;
  const JsonValue array = value_of("[1, [2, 3], \"],[\", {}]");
  for (JsonItems each(array); each.next(found);) {
    ++items;
  }
  CHECK(items == 4);
}

TEST_CASE("JSON: what is written") {
  CHECK(written([](JsonWriter& w) {
          w.begin_object()
              .key("a")
              .integer(-9223372036854775807LL - 1)
              .key("b")
              .begin_array()
              .boolean(true)
              .null()
              .end_array();
          w.key("c").begin_object().end_object().end_object();
        }) == R"({"a":-9223372036854775808,"b":[true,null],"c":{}})");
  CHECK(written([](JsonWriter& w) { w.text("q\"\\\n\x7F\xC3\xA9\xF0\x9F\x98\x80\xFF"); }) ==
        R"("q\"\\\u000a\u007f\u00e9\ud83d\ude00?")");
}

TEST_CASE("JSON: numbers are written with three decimals at most") {
  const auto number = [](double value) { return written([value](JsonWriter& w) { w.number(value); }); };
  CHECK(number(0) == "0");
  CHECK(number(-0.0001) == "0");
  CHECK(number(2.5) == "2.5");
  CHECK(number(-2.0625) == "-2.063");
  CHECK(number(1e15) == "1000000000000000");
  CHECK(number(1e16) == "null");
  CHECK(number(std::nan("")) == "null");
  CHECK(number(INFINITY) == "null");
}

TEST_CASE("JSON: what does not fit leaves nothing") {
  const auto write = [](JsonWriter& w) { w.begin_object().key("name").text("value").end_object(); };
  CHECK(written(write, 16) == R"({"name":"value"})");
  CHECK(written(write, 15).empty());
  CHECK(written(write, 0).empty());
}
