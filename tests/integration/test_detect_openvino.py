"""The OpenVINO runtime on small models that are built here: their answers can be calculated by hand."""

from __future__ import annotations

import itertools
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

from bridge.detect.models import ModelFiles, kind_of
from bridge.detect.openvino import OpenVinoDetector, ov
from bridge.detect.port import DetectorSettings
from bridge.errors import ModelRefused, ModelUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.detect.port import Detector
    from bridge.model import Detection, Image

pytestmark = pytest.mark.integration

op = ov.opset13
LABELS = ("red", "green", "blue")
WIDTH, HEIGHT = 96, 64
# Where the model claims to see each colour: centre x, centre y, width, height in input pixels.
PLACES = ((16, 16, 32, 32), (48, 32, 32, 32), (80, 48, 32, 32))
RED, GREEN, BLUE, GREY = (0, 0, 255), (0, 255, 0), (255, 0, 0), (114, 114, 114)  # BGR


def colour_model(shape: Sequence[int] = (1, 3, HEIGHT, WIDTH)) -> Any:  # noqa: ANN401 - openvino is not typed
    """A YOLO11-shaped detector whose score for each label is the picture's mean of that colour, 0..1."""
    pixels = op.parameter(list(shape), np.float32, name="images")
    means = op.reduce_mean(pixels, np.array([2, 3], np.int64), keep_dims=False)
    column = op.reshape(means, np.array([1, 3, 1], np.int64), special_zero=False)
    scores = op.multiply(column, op.constant(np.eye(3, dtype=np.float32)[None]))
    boxes = op.constant(np.array(PLACES, np.float32).T[None])
    return ov.Model([op.concat([boxes, scores], axis=1)], [pixels], "colours")


def nms_free_model() -> Any:  # noqa: ANN401
    """The same in YOLO26's shape: a row an object."""
    pixels = op.parameter([1, 3, HEIGHT, WIDTH], np.float32, name="images")
    means = op.reduce_mean(pixels, np.array([2, 3], np.int64), keep_dims=False)
    scores = op.reshape(means, np.array([1, 3, 1], np.int64), special_zero=False)
    corners = np.array([(x - w / 2, y - h / 2, x + w / 2, y + h / 2) for x, y, w, h in PLACES], np.float32)
    classes = np.arange(3, dtype=np.float32)[None, :, None]
    return ov.Model([op.concat([op.constant(corners[None]), scores, op.constant(classes)], axis=2)], [pixels], "free")


def slow_model(seconds_white: float) -> Any:  # noqa: ANN401
    """A model that counts for a long time when the picture has a white spot, and not at all on grey."""
    pixels = op.parameter([1, 3, 32, 32], np.float32, name="images")
    brightest = op.reduce_max(pixels, np.array([0, 1, 2, 3], np.int64), keep_dims=False)
    # 600,000 rounds take about a second; the letterbox's grey (0.45) is below the threshold.
    rounds = op.multiply(op.relu(op.subtract(brightest, np.float32(0.5))), np.float32(2 * 6e5 * seconds_white))
    count = op.parameter([], np.float32)
    more = op.add(count, np.float32(1))
    always = op.constant(value=True, dtype=np.bool_)
    loop = op.loop(op.convert(rounds, "i64"), op.constant(value=True, dtype=np.bool_))
    loop.set_function(ov.Model([always, more], [count], "body"))
    loop.set_special_body_ports([-1, 0])
    loop.set_merged_input(count, op.constant(np.float32(0)).output(0), more.output(0))
    counted = op.reshape(loop.get_iter_value(more.output(0), -1), np.array([1, 1, 1], np.int64), special_zero=False)
    nothing = op.constant(np.zeros((1, 5, 2), np.float32))
    return ov.Model([op.add(op.multiply(counted, np.float32(1e-30)), nothing)], [pixels], "slow")


def save(model: Any, folder: Path, labels: Sequence[str] | None = LABELS, **metadata: object) -> ModelFiles:  # noqa: ANN401
    """Write a model as ultralytics exports it."""
    folder.mkdir(parents=True)
    ov.save_model(model, folder / "net.xml", compress_to_fp16=False)
    if labels is not None:
        content = {"task": "detect", "stride": 32, "names": dict(enumerate(labels))} | metadata
        (folder / "metadata.yaml").write_text(yaml.safe_dump(content))
    return ModelFiles(folder, kind_of(folder))


def plain(colour: tuple[int, int, int], width: int = WIDTH, height: int = HEIGHT) -> Image:
    return np.full((height, width, 3), colour, np.uint8)


def look(detector: Detector, *images: Image, confidence: float = 0.9) -> list[list[Detection]]:
    return detector.detect(images, confidence, 0.45)


@pytest.fixture
def colours(tmp_path: Path) -> Iterator[OpenVinoDetector]:
    detector = OpenVinoDetector(save(colour_model(), tmp_path / "c_openvino_model"), DetectorSettings())
    yield detector
    detector.close()


# --- seeing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("colour", "label"), [(RED, "red"), (GREEN, "green"), (BLUE, "blue")])
def test_colours_reach_the_model_in_its_order_and_scale(
    colours: OpenVinoDetector, colour: tuple[int, int, int], label: str
) -> None:
    ((detection,),) = look(colours, plain(colour))
    assert detection.label == label
    assert detection.score == pytest.approx(1.0, abs=1e-5)


def test_boxes_come_in_pixels_of_the_picture_that_was_given(colours: OpenVinoDetector) -> None:
    ((detection,),) = look(colours, plain(GREEN, WIDTH * 5, HEIGHT * 5))
    assert detection.box_xyxy_px == pytest.approx((160, 80, 320, 240))


def test_a_picture_of_another_shape_is_fitted_in_with_grey_margins(colours: OpenVinoDetector) -> None:
    ((detection,),) = look(colours, plain(GREEN, 100, 200), confidence=0.5)
    # 32 x 64 pixels of green in the middle of 96 x 64, the rest 114.
    assert detection.score == pytest.approx((1 + 2 * 114 / 255) / 3, abs=1e-5)
    assert detection.box_xyxy_px == pytest.approx((0, 50, 100, 150))


def test_margins_are_grey_again_after_a_picture_that_covered_them(colours: OpenVinoDetector) -> None:
    tall = plain(GREEN, 100, 200)
    expected = look(colours, tall, confidence=0.5)
    look(colours, plain(GREEN), plain(GREEN), plain(GREEN))
    assert look(colours, tall, confidence=0.5) == expected


def test_a_picture_without_anything_gives_nothing(colours: OpenVinoDetector) -> None:
    assert look(colours, plain(GREY)) == [[]]


def test_no_pictures_give_no_answers(colours: OpenVinoDetector) -> None:
    assert look(colours) == []


def test_many_pictures_are_answered_in_their_order(colours: OpenVinoDetector) -> None:
    kinds = [RED, GREEN, BLUE, GREY, BLUE, RED, RED, GREEN, GREY, RED, BLUE]
    labels = {RED: ["red"], GREEN: ["green"], BLUE: ["blue"], GREY: []}
    images = [plain(colour, 96 + 7 * index, 64 + 3 * index) for index, colour in enumerate(kinds)]
    found = look(colours, *images, confidence=0.7)
    assert [[item.label for item in items] for items in found] == [labels[colour] for colour in kinds]
    assert found == [look(colours, image, confidence=0.7)[0] for image in images]


def test_pictures_are_asked_for_one_after_the_other_as_late_as_possible(tmp_path: Path) -> None:
    detector = OpenVinoDetector(save(colour_model(), tmp_path / "c_openvino_model"), DetectorSettings(workers=2))
    asked: list[int] = []

    class Lazy(list[Any]):
        def __iter__(self) -> Iterator[Image]:
            for index in range(len(self)):
                asked.append(index)
                yield plain(RED)

    assert len(detector.detect(Lazy([None] * 5), 0.5, 0.45)) == 5
    assert asked == [0, 1, 2, 3, 4]


def test_nms_free_models_are_read(tmp_path: Path) -> None:
    detector = OpenVinoDetector(save(nms_free_model(), tmp_path / "f_openvino_model"), DetectorSettings())
    ((detection,),) = look(detector, plain(BLUE))
    assert (detection.label, detection.box_xyxy_px) == ("blue", (64, 32, 96, 64))


def test_what_is_no_picture_is_refused_and_harms_nothing(colours: OpenVinoDetector) -> None:
    grey = np.zeros((10, 10), np.uint8)
    for images in ([grey], [plain(RED), grey], [plain(RED), plain(RED), grey, plain(RED)]):
        with pytest.raises(ValueError, match="expected a picture"):
            colours.detect(images, 0.5, 0.45)
        assert look(colours, plain(RED), plain(BLUE))[1][0].label == "blue"


def test_after_a_refusal_nothing_is_still_at_work(tmp_path: Path) -> None:
    files = save(slow_model(seconds_white=0.5), tmp_path / "s_openvino_model", labels=["x"])
    detector = OpenVinoDetector(files, DetectorSettings(workers=2))
    with pytest.raises(ValueError, match="expected a picture"):
        detector.detect([plain((255, 255, 255)), np.zeros((10, 10), np.uint8)], 0.5, 0.45)
    assert look(detector, plain(GREY), plain(GREY)) == [[], []]


def test_a_device_that_gives_no_answer_is_not_waited_for_forever(tmp_path: Path) -> None:
    files = save(slow_model(seconds_white=2.0), tmp_path / "s_openvino_model", labels=["x"])
    detector = OpenVinoDetector(files, DetectorSettings(workers=1), answer_timeout_s=0.2)
    assert look(detector, plain(GREY)) == [[]]
    with pytest.raises(TimeoutError, match=r"no answer within 0\.2 s"):
        look(detector, plain((255, 255, 255)))


# --- what it says of itself -------------------------------------------------------------------------------------------


def test_it_says_what_it_runs(colours: OpenVinoDetector) -> None:
    info = colours.info
    assert (info.runtime, info.model, info.device, info.labels) == ("openvino", "c", "CPU", LABELS)
    assert (info.input_width_px, info.input_height_px) == (WIDTH, HEIGHT)
    assert 2 <= info.jobs <= 5


def test_one_worker_works_on_one_picture_at_a_time(tmp_path: Path) -> None:
    files = save(colour_model(), tmp_path / "c_openvino_model")
    core = CountingCore("CPU")
    detector = OpenVinoDetector(files, DetectorSettings(workers=1), core=core)
    assert core.compiled == ["LATENCY"]
    assert (detector.info.batch, detector.info.jobs) == (1, 2)
    assert [items[0].label for items in look(detector, plain(RED), plain(BLUE))] == ["red", "blue"]


def test_a_model_of_any_size_takes_the_shape_of_the_pictures(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    files = save(colour_model((-1, 3, -1, -1)), tmp_path / "d_openvino_model")
    core = CountingCore("CPU")
    detector = OpenVinoDetector(files, DetectorSettings(image_size=256, workers=1), core=core)
    assert (detector.info.input_width_px, detector.info.input_height_px) == (256, 224)
    for width, height in ((128, 96), (640, 480), (128, 128), (96, 128), (1600, 1200)):
        ((found,),) = look(detector, plain(RED, width, height), confidence=0.8)
        # The model's mean holds no more grey than the margin: 256 x 192 pixels of 256 x 224.
        assert found.score == pytest.approx(1.0 if width == height else 0.921, abs=0.01)
    assert core.shapes == [(256, 224), (256, 256), (224, 256)]
    assert "pictures of 96 x 128 px" in caplog.text


def test_a_camera_that_changes_its_shape_all_the_time_costs_no_more_than_four(tmp_path: Path) -> None:
    files = save(colour_model((-1, 3, -1, -1)), tmp_path / "d_openvino_model")
    core = CountingCore("CPU")
    detector = OpenVinoDetector(files, DetectorSettings(image_size=320, workers=1), core=core)
    for height in range(32, 321, 32):
        ((found,),) = look(detector, plain(RED, 320, height), confidence=0.4)
        assert found.label == "red"
    assert len(core.shapes) == 4


def test_a_model_of_one_size_keeps_it_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    detector = OpenVinoDetector(save(colour_model(), tmp_path / "c_openvino_model"), DetectorSettings(image_size=640))
    assert detector.info.input_width_px == WIDTH
    assert "keeps that size" in caplog.text


def test_labels_inside_the_model_serve_where_there_is_no_metadata_file(tmp_path: Path) -> None:
    model = colour_model()
    model.set_rt_info("red traffic_light blue", ["model_info", "labels"])
    detector = OpenVinoDetector(save(model, tmp_path / "c_openvino_model", labels=None), DetectorSettings())
    assert detector.info.labels == ("red", "traffic light", "blue")


# --- refusals --------------------------------------------------------------------------------------------------------


def refusal(files: ModelFiles) -> str:
    with pytest.raises(ModelRefused) as caught:
        OpenVinoDetector(files, DetectorSettings())
    assert "\n" not in str(caught.value)
    return caught.value.reason


def cut(file: Path, size: int) -> None:
    with file.open("r+b") as content:
        content.truncate(size)


def test_broken_files_are_refused_in_one_line(tmp_path: Path) -> None:
    numbers = itertools.count()

    def fresh() -> ModelFiles:
        return save(colour_model(), tmp_path / f"{next(numbers)}_openvino_model")

    files = fresh()
    cut(files.path / "net.bin", 20)
    assert "net.xml is broken: Incorrect weights" in refusal(files)
    files = fresh()
    (files.path / "net.bin").unlink()
    assert "bin file" in refusal(files)
    files = fresh()
    cut(files.path / "net.xml", 500)
    assert "net.xml is broken" in refusal(files)
    files = fresh()
    (files.path / "net.xml").write_text("hello")
    assert "is no OpenVINO model" in refusal(files)
    files = fresh()
    (files.path / "net.xml").write_text("")
    assert "is no OpenVINO model" in refusal(files)
    files = fresh()
    (files.path / "other.xml").write_text("<net/>")
    assert "holds 2 .xml files, not one" in refusal(files)


def test_what_is_no_detector_is_refused_in_one_line(tmp_path: Path) -> None:
    pixels = op.parameter([1, 3, 32, 32], np.float32)
    two = ov.Model([op.constant(np.zeros((1, 7, 2), np.float32)), op.relu(pixels)], [pixels], "two")
    classes = ov.Model([op.reduce_mean(pixels, np.array([2, 3], np.int64), keep_dims=False)], [pixels], "classes")
    batch = op.parameter([4, 3, 8, 8], np.float32)
    four = ov.Model([op.relu(batch)], [batch], "four")
    assert "its task is segment" in refusal(save(colour_model(), tmp_path / "a_openvino_model", task="segment"))
    assert "names no labels" in refusal(save(colour_model(), tmp_path / "b_openvino_model", labels=None))
    assert "(1, 7, 3): for a detector of 2 labels" in refusal(
        save(colour_model(), tmp_path / "c_openvino_model", labels=["x", "y"])
    )
    assert "1 inputs and 2 outputs" in refusal(save(two, tmp_path / "d_openvino_model"))
    assert "its output has the shape (1, 3)" in refusal(save(classes, tmp_path / "e_openvino_model"))
    assert "takes (4, 3, 8, 8), not one colour picture" in refusal(save(four, tmp_path / "f_openvino_model"))


def test_a_size_that_the_model_cannot_take_is_refused(tmp_path: Path) -> None:
    pixels = op.parameter([-1, 3, -1, -1], np.float32)
    halves = op.reshape(pixels, np.array([1, 3, 2, 32, 64], np.int64), special_zero=False)  # 64 x 64 only
    model = ov.Model([halves], [pixels], "picky")
    assert "does not take pictures of 640 pixels" in refusal(save(model, tmp_path / "p_openvino_model"))


# --- devices ---------------------------------------------------------------------------------------------------------


def test_a_device_that_is_not_there_is_said_so_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"no device GPU\.7; set detector\.device to auto or one of: CPU"):
        OpenVinoDetector(save(colour_model(), tmp_path / "c_openvino_model"), DetectorSettings(device="GPU.7"))


class CountingCore:
    """OpenVINO on a machine whose GPU, if it has one, is found but takes no model; counts what it compiles."""

    def __init__(self, *devices: str) -> None:
        self.available_devices = devices
        self.compiled: list[str] = []
        self.shapes: list[tuple[int, int]] = []
        self._core = ov.Core()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._core, name)

    def compile_model(self, model: Any, device: str, configuration: dict[str, str]) -> Any:  # noqa: ANN401
        if device != "CPU":
            raise RuntimeError("Exception from plugin.cpp:1\nno memory on the device\n")
        self.compiled.append(configuration["PERFORMANCE_HINT"])
        _, height, width, _ = model.input().shape
        self.shapes.append((width, height))
        return self._core.compile_model(model, device, configuration)


def test_a_gpu_that_takes_no_model_leaves_it_to_the_cpu(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = save(colour_model(), tmp_path / "c_openvino_model")
    detector = OpenVinoDetector(files, DetectorSettings(), core=CountingCore("CPU", "GPU"))
    assert detector.info.device == "CPU"
    assert look(detector, plain(RED))[0][0].label == "red"
    assert "GPU does not take the model, the CPU does it: no memory on the device" in caplog.text


def test_a_gpu_that_was_asked_for_is_not_replaced(tmp_path: Path) -> None:
    files = save(colour_model(), tmp_path / "c_openvino_model")
    with pytest.raises(ModelUnavailable, match="GPU does not take the model: no memory on the device"):
        OpenVinoDetector(files, DetectorSettings(device="GPU"), core=CountingCore("CPU", "GPU"))


# --- the cache of compiled models ------------------------------------------------------------------------------------


def test_a_compiled_model_is_kept_and_a_damaged_one_made_anew(tmp_path: Path) -> None:
    files = save(colour_model(), tmp_path / "c_openvino_model")
    cache = tmp_path / "deep" / "cache"
    OpenVinoDetector(files, DetectorSettings(workers=1), cache).close()
    (kept,) = cache.glob("*.blob")
    for content in (kept.read_bytes(), b"damaged", b""):
        kept.chmod(0o600)
        kept.write_bytes(content)
        detector = OpenVinoDetector(files, DetectorSettings(workers=1), cache)
        assert look(detector, plain(RED))[0][0].label == "red"


def test_without_a_place_to_keep_it_the_model_runs_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "file").touch()
    files = save(colour_model(), tmp_path / "c_openvino_model")
    detector = OpenVinoDetector(files, DetectorSettings(workers=1), tmp_path / "file" / "cache")
    assert look(detector, plain(RED))[0][0].label == "red"
    assert "compiled models are not kept" in caplog.text


# --- privacy ---------------------------------------------------------------------------------------------------------

SPY = """
import sys
seen = []
def spy(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "os.fork", "subprocess.Popen", "os.exec", "os.posix_spawn"):
        seen.append((event, str(arguments)[:100]))
sys.addaudithook(spy)
import numpy as np
from bridge.detect.load import load_detector
from bridge.detect.port import DetectorSettings
import os
detector = load_detector(DetectorSettings(model=sys.argv[1]), os.environ)
detector.detect([np.zeros((64, 96, 3), np.uint8)], 0.5, 0.45)
import openvino
openvino.convert_model
print(seen)
"""


def test_nothing_phones_home_and_the_home_directory_stays_clean(tmp_path: Path) -> None:
    files = save(colour_model(), tmp_path / "c_openvino_model")
    home = tmp_path / "home"
    home.mkdir()
    environ = {"HOME": str(home), "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.run(
        [sys.executable, "-c", SPY, str(files.path)],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
        env=environ,
        cwd=Path(__file__).parents[2],
    ).stdout
    assert said.strip() == "[]"
    assert list(home.iterdir()) == []
