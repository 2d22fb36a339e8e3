// What reads bytes: pictures, images, the serial line.
#include <camlink.h>

#include <cstdlib>

using namespace camlink;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const JpegCheck jpeg = check_jpeg(data, size);
  if (jpeg.ok() && (jpeg.length_bytes < 4 || jpeg.length_bytes > size || jpeg.width_px == 0 || jpeg.height_px == 0 ||
                    !check_jpeg(data, jpeg.length_bytes).ok())) {
    std::abort();
  }

  ImprovReader improv;
  for (std::size_t at = 0; at < size; ++at) {
    if (improv.feed(data[at]) == ImprovEvent::kRequest && improv.request().command == ImprovCommand::kNone) {
      std::abort();
    }
  }

  // The same verdict whatever the pieces are.
  UpdateOrder order;
  order.size_bytes = static_cast<std::uint32_t>(size);
  ImageCheck whole;
  ImageCheck pieces;
  whole.begin(order, "x");
  pieces.begin(order, "x");
  whole.feed(data, size);
  const std::size_t piece = size > 0 ? 1 + data[size - 1] % 7U : 1;
  for (std::size_t at = 0; at < size; at += piece) {
    pieces.feed(data + at, piece < size - at ? piece : size - at);
  }
  if (whole.finish() || pieces.finish()) {  // the digest is all zeros
    std::abort();
  }
  if (whole.problem().view() != pieces.problem().view()) {
    std::abort();
  }
  return 0;
}
