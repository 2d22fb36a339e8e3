#include "camlink/image.h"

namespace camlink {

void ImageCheck::begin(const UpdateOrder& order, std::string_view board) {
  *this = ImageCheck();
  board_ = board;
  order_ = order;
}

bool ImageCheck::feed(const std::uint8_t* data, std::size_t size_bytes) {
  if (!problem_.empty() || size_bytes == 0) {
    return problem_.empty();
  }
  if (written_bytes_ == 0 && data[0] != kImageFirstByte) {
    problem_.assign("this is no firmware image");
    return false;
  }
  if (size_bytes > order_.size_bytes - written_bytes_) {
    problem_.assign("more bytes than the bridge announced");
    return false;
  }
  written_bytes_ += static_cast<std::uint32_t>(size_bytes);
  sha256_.update(data, size_bytes);
  for (std::size_t at = 0; at < size_bytes && !found_; ++at) {
    scan(data[at]);
  }
  if (found_ && !right_board_) {
    problem_.assign("the image is for ");
    problem_.append(image_board_.view());
    problem_.append(", this is ");
    problem_.append(board_);
    return false;
  }
  return true;
}

bool ImageCheck::finish() {
  if (!problem_.empty()) {
    return false;
  }
  if (written_bytes_ != order_.size_bytes) {
    problem_.append_number(written_bytes_);
    problem_.append(" of ");
    problem_.append_number(order_.size_bytes);
    problem_.append(" bytes came");
  } else if (sha256_.finish() != order_.sha256) {
    problem_.assign("the SHA-256 is not the one announced");
  } else if (!found_) {
    problem_.assign("the image does not say which board it is for");
  }
  return problem_.empty();
}

// Looks for the marker and, side by side with it, reads what follows one: the words of this very library are in the
// image as well, and lead nowhere.
void ImageCheck::scan(std::uint8_t byte) {
  const auto letter = static_cast<char>(byte);
  const bool printable = byte >= 0x20 && byte < 0x7F;
  if (in_marker_ && byte == 0) {
    read_marker();
  }
  in_marker_ = in_marker_ && printable && marker_.size() < decltype(marker_)::capacity();
  if (in_marker_) {
    marker_.append(std::string_view(&letter, 1));
  }
  constexpr std::size_t kSecondFirst = kImageMarker.rfind(kImageMarker[0]);  // ESPCAM-FIRMWARE;
  static_assert(kImageMarker.find(kImageMarker[0], 1) == kSecondFirst);
  if (letter == kImageMarker[matched_]) {
    ++matched_;
  } else if (matched_ == kSecondFirst + 1 && letter == kImageMarker[1]) {
    matched_ = 2;
  } else {
    matched_ = letter == kImageMarker[0] ? 1 : 0;
  }
  if (matched_ == kImageMarker.size()) {
    matched_ = 0;
    in_marker_ = true;
    marker_.clear();
  }
}

// What follows the marker: "board=BOARD;version=VERSION;".
void ImageCheck::read_marker() {
  std::string_view rest = marker_.view();
  const auto take = [&rest](std::string_view key, std::string_view& out) {
    const std::size_t end = rest.find(table::kImageSeparator);
    if (rest.substr(0, key.size()) != key || end == std::string_view::npos || end == key.size()) {
      return false;
    }
    out = rest.substr(key.size(), end - key.size());
    rest.remove_prefix(end + 1);
    return true;
  };
  std::string_view board;
  std::string_view version;
  if (take(table::kImageBoardKey, board) && take(table::kImageVersionKey, version) && rest.empty() &&
      image_board_.assign(board)) {
    found_ = true;
    right_board_ = board == board_;
  }
}

}  // namespace camlink
