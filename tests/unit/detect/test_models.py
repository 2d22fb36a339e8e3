from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bridge.detect.models import (
    ModelFiles,
    ModelKind,
    ModelMetadata,
    cache_dir,
    find,
    find_all,
    first_line,
    kind_of,
    last_line,
    load_metadata,
    own_models,
    parse_metadata,
    read_metadata,
    require_detector,
    save_metadata,
)
from bridge.errors import ModelRefused, ModelUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def put(tmp_path: Path) -> Callable[[str], Path]:
    """Make the (empty) files of a model: ``put("models/yolo11n.pt")``; a name ending in ``_model`` is a folder."""

    def make(name: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("_model"):
            path.mkdir()
            (path / "net.xml").touch()
        else:
            path.touch()
        return path

    return make


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    folders = os.pathsep.join(str(tmp_path / name) for name in ("one", "two"))
    return {"ESPCAM_BRIDGE_MODELS": folders, "XDG_CACHE_HOME": str(tmp_path / "cache")}


# --- finding ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (["yolo11n.pt", "yolo11n.onnx", "yolo11n_openvino_model", "yolo11n_int8_openvino_model"], 3),
        (["yolo11n.pt", "yolo11n_openvino_model", "yolo11n_fp16_openvino_model"], 2),
        (["yolo11n.pt", "yolo11n.onnx", "yolo11n_openvino_model"], 2),
        (["yolo11n.pt", "yolo11n.onnx"], 1),
        (["yolo11n.pt"], 0),
    ],
)
def test_a_name_takes_the_fastest_form_that_is_there(
    put: Callable[[str], Path], environ: dict[str, str], there: list[str], expected: int
) -> None:
    paths = [put(f"one/{name}") for name in there]
    found = find("yolo11n", environ)
    assert found is not None
    assert found.path == paths[expected]


def test_with_ultralytics_a_name_takes_the_pytorch_form(put: Callable[[str], Path], environ: dict[str, str]) -> None:
    put("one/yolo11n_openvino_model")
    weights = put("one/yolo11n.pt")
    assert find("yolo11n", environ, prefer_pytorch=True) == ModelFiles(weights, ModelKind.PYTORCH)


def test_earlier_folders_win_and_the_cache_comes_last(put: Callable[[str], Path], environ: dict[str, str]) -> None:
    cached = put("cache/espcam-bridge/models/yolo11n_openvino_model")
    assert find("yolo11n", environ) == ModelFiles(cached, ModelKind.OPENVINO)
    second = put("two/yolo11n.onnx")
    assert find("yolo11n", environ) == ModelFiles(second, ModelKind.ONNX)
    first = put("one/yolo11n.pt")
    assert find("yolo11n", environ) == ModelFiles(first, ModelKind.PYTORCH)


def test_auto_is_yolo11n(put: Callable[[str], Path], environ: dict[str, str]) -> None:
    path = put("one/yolo11n.onnx")
    assert find("auto", environ) == ModelFiles(path, ModelKind.ONNX)


def test_auto_is_the_only_model_that_the_user_brought(put: Callable[[str], Path], environ: dict[str, str]) -> None:
    put("cache/espcam-bridge/models/yolo11n_openvino_model")
    put("one/yolo11s-seg.pt")  # no detector
    weights, exported = put("two/best.pt"), put("two/best_int8_openvino_model")
    assert find("auto", environ) == ModelFiles(exported, ModelKind.OPENVINO)
    assert find("auto", environ, prefer_pytorch=True) == ModelFiles(weights, ModelKind.PYTORCH)
    assert own_models(environ) == ["best"]


def test_of_several_models_auto_guesses_none_but_yolo11n(put: Callable[[str], Path], environ: dict[str, str]) -> None:
    put("one/best.pt")
    put("two/yolo11s.pt")
    assert own_models(environ) == ["best", "yolo11s"]
    found = find("auto", environ)
    assert found is not None
    assert found.in_the_box
    path = put("two/yolo11n.pt")
    assert find("auto", environ) == ModelFiles(path, ModelKind.PYTORCH)


def test_where_there_is_nothing_auto_is_the_model_in_the_box(environ: dict[str, str]) -> None:
    found, starter = find("auto", environ), find("starter", environ)
    assert found is not None
    assert found == starter
    assert (found.in_the_box, found.kind, found.family) == (True, ModelKind.OPENVINO, "starter")
    assert read_metadata(found.path) == ModelMetadata(("person",), "detect")
    assert [files for files in find_all(environ) if files.in_the_box] == [found]


def test_without_a_setting_models_and_the_shared_models_are_searched(
    put: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    environ = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert find("yolo11n", environ) is None
    put("shared/models/yolo11n.onnx")
    found = find("yolo11n", environ)
    assert found is not None
    assert found.path == Path("../shared/models/yolo11n.onnx")
    put("project/models/yolo11n.onnx")
    found = find("yolo11n", environ)
    assert found is not None
    assert found.path == Path("models/yolo11n.onnx")


def test_a_name_that_is_nowhere_is_not_found(environ: dict[str, str]) -> None:
    assert find("yolo11n", environ) is None


def test_a_path_is_taken_as_it_is(put: Callable[[str], Path], environ: dict[str, str]) -> None:
    path = put("mine/best.engine")
    assert find(str(path), environ) == ModelFiles(path, ModelKind.OTHER)


@pytest.mark.parametrize("model", ["models/best.pt", "best.onnx", "./best", "best_openvino_model", "~/best.pt"])
def test_a_path_that_is_not_there_is_said_so(model: str, environ: dict[str, str]) -> None:
    with pytest.raises(ModelUnavailable, match="there is no model at"):
        find(model, environ)


def test_an_export_beside_the_weights_is_taken_unless_they_are_newer(
    put: Callable[[str], Path], environ: dict[str, str]
) -> None:
    weights, exported = put("mine/best.pt"), put("mine/best_openvino_model")
    os.utime(weights, (1000, 1000))
    assert find(str(weights), environ) == ModelFiles(exported, ModelKind.OPENVINO)
    assert find(str(weights), environ, prefer_pytorch=True) == ModelFiles(weights, ModelKind.PYTORCH)
    os.utime(exported, (999, 999))
    assert find(str(weights), environ) == ModelFiles(weights, ModelKind.PYTORCH)


def test_the_fastest_export_beside_the_weights_is_taken(put: Callable[[str], Path], environ: dict[str, str]) -> None:
    weights, _, quantized = (put(f"mine/best{form}") for form in (".pt", "_openvino_model", "_int8_openvino_model"))
    os.utime(weights, (1000, 1000))
    assert find(str(weights), environ) == ModelFiles(quantized, ModelKind.OPENVINO)


def test_all_models_are_listed_in_the_order_of_preference(put: Callable[[str], Path], environ: dict[str, str]) -> None:
    names = ["best.onnx", "yolo11n_int8_openvino_model", "yolo11n_openvino_model", "yolo11n.pt"]
    paths = [put(f"one/{name}") for name in names]
    put("one/.export-x_openvino_model")  # half-written
    put("one/notes.txt")
    paths.append(put("cache/espcam-bridge/models/yolo11n.pt"))
    found = find_all(environ | {"ESPCAM_BRIDGE_MODELS": os.pathsep.join([environ["ESPCAM_BRIDGE_MODELS"]] * 2)})
    *theirs, ours = found
    assert [files.path for files in theirs] == paths
    assert [files.family for files in theirs] == ["best", "yolo11n", "yolo11n", "yolo11n", "yolo11n"]
    assert ours.in_the_box


@pytest.mark.parametrize("model", ["", "a b", "-c", "..", "yolo;rm"])
def test_what_cannot_be_a_name_is_refused(model: str, environ: dict[str, str]) -> None:
    with pytest.raises(ModelUnavailable, match="is no model name"):
        find(model, environ)


@pytest.mark.parametrize(
    ("path", "kind", "name"),
    [
        ("m/yolo11n_int8_openvino_model", ModelKind.OPENVINO, "yolo11n_int8"),
        ("m/yolo11n_openvino_model/yolo11n.xml", ModelKind.OPENVINO, "yolo11n"),
        ("m/best.onnx", ModelKind.ONNX, "best"),
        ("m/best.pt", ModelKind.PYTORCH, "best"),
        ("m/best.engine", ModelKind.OTHER, "best"),
    ],
)
def test_files_are_told_apart_and_named(put: Callable[[str], Path], path: str, kind: ModelKind, name: str) -> None:
    there = put(path)
    files = ModelFiles(there, kind_of(there))
    assert (files.kind, files.name) == (kind, name)


# --- the cache -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"XDG_CACHE_HOME": "/var/cache", "HOME": "/home/u"}, "/var/cache/espcam-bridge"),
        ({"HOME": "/home/u"}, "/home/u/.cache/espcam-bridge"),
        ({"HOME": "/home/u", "XDG_CACHE_HOME": ""}, "/home/u/.cache/espcam-bridge"),
    ],
)
def test_the_cache_is_where_the_desktop_standard_says(environ: dict[str, str], expected: str) -> None:
    assert cache_dir(environ) == Path(expected)


def test_without_a_home_there_is_a_cache_all_the_same() -> None:
    assert cache_dir({}).is_absolute()


# --- metadata --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        {0: "person", 1: "traffic light"},
        {"0": "person", "1": "traffic light"},
        ["person", "traffic light"],
        "{0: 'person', 1: 'traffic light'}",
        "['person', 'traffic light']",
    ],
    ids=["yaml", "text keys", "list", "onnx", "onnx list"],
)
def test_labels_are_read_however_they_are_written(names: Any) -> None:  # noqa: ANN401
    assert parse_metadata({"names": names, "task": "detect"}, "m").labels == ("person", "traffic light")


def test_a_gap_in_the_labels_is_filled_with_the_number() -> None:
    assert parse_metadata({"names": {0: "person", 2: "car"}}, "m").labels == ("person", "1", "car")


@pytest.mark.parametrize("names", [None, {}, [], "", "{0: person}", "__import__('os')", 7, "7"])
def test_metadata_without_labels_are_refused(names: Any) -> None:  # noqa: ANN401
    with pytest.raises(ModelRefused, match="m names no labels"):
        parse_metadata({"names": names}, "m")


def test_a_model_with_another_task_is_no_detector() -> None:
    with pytest.raises(ModelRefused, match="yolo11n-seg is no detector: its task is segment"):
        require_detector(ModelMetadata(("person",), "segment"), "yolo11n-seg")
    require_detector(ModelMetadata(("person",), "detect"), "yolo11n")


def test_metadata_are_read_from_beside_the_model(tmp_path: Path) -> None:
    assert read_metadata(tmp_path) is None
    (tmp_path / "metadata.yaml").write_text("task: detect\nimgsz: [640, 640]\nnames:\n  0: person\n  1: Füchsin\n")
    assert read_metadata(tmp_path) == ModelMetadata(("person", "Füchsin"), "detect")


def test_metadata_that_are_written_can_be_read(tmp_path: Path) -> None:
    content = {"task": "detect", "imgsz": [480, 640], "names": {0: "person", 1: "Füchsin"}}
    save_metadata(tmp_path, content)
    assert load_metadata(tmp_path) == content
    assert read_metadata(tmp_path) == ModelMetadata(("person", "Füchsin"), "detect")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"names: [", "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"just text", "holds no settings"),
        (b"", "holds no settings"),
        (b"!!python/object/apply:os.system [true]", "cannot be read"),
    ],
    ids=["broken", "binary", "text", "empty", "code"],
)
def test_metadata_that_make_no_sense_are_refused_in_one_line(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "metadata.yaml").write_bytes(content)
    with pytest.raises(ModelRefused, match=reason) as caught:
        read_metadata(tmp_path)
    assert "\n" not in str(caught.value)


# --- reasons ---------------------------------------------------------------------------------------------------------


def test_the_reason_is_cut_out_of_many_lines() -> None:
    error = RuntimeError("Exception from core.cpp:84:\n\nIncorrect weights!\n\n")
    assert last_line(error) == "Incorrect weights!"
    assert first_line(error) == "Exception from core.cpp:84:"


def test_an_error_without_a_text_is_named() -> None:
    assert last_line(KeyError()) == first_line(KeyError()) == "KeyError"
