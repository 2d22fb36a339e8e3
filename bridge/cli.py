"""The ``espcam-bridge`` command: what it understands, and its exit codes.

0 good; 1 failed at run time; 2 wrong usage or configuration. Each subcommand's code is imported only when it runs, so
that ``check`` and ``--help`` answer at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bridge import __version__
from bridge.errors import BridgeError, ConfigError, UsageError
from bridge.runtime import logs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.commands.footage import FootageOptions

    Handler = Callable[[argparse.Namespace], int]

_EPILOG = """examples:
  espcam-bridge demo                                   see it work, without any camera
  espcam-bridge init                                   write a commented configuration here
  espcam-bridge check                                  what is wrong with it, line by line
  espcam-bridge doctor                                 what keeps it from working: broker, ports, model, leftovers
  espcam-bridge run -c espcam-bridge.yaml              the bridge
  espcam-bridge simulate --url ws://localhost:3001/ws/door --source visit.mp4
                                                       a camera that plays a video
  espcam-bridge detect holiday/*.jpg --save found/     try the model on pictures
  espcam-bridge models bench --bridge http://host:8080 which model is the best here, on your cameras' own frames

exit codes: 0 good, 1 failed at run time, 2 wrong usage or configuration"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    arguments = parser().parse_args(argv)
    logs.configure(arguments.log_format, arguments.log_level)
    try:
        handler: Handler = arguments.handler
        return handler(arguments)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except UsageError as error:
        print(f"espcam-bridge: {error}", file=sys.stderr)
        return 2
    except BridgeError as error:
        print(f"espcam-bridge: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # `espcam-bridge schema | head`: the reader has what it wanted. Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 0


def parser() -> argparse.ArgumentParser:
    """The command line, with every subcommand."""
    parser = argparse.ArgumentParser(
        prog="espcam-bridge",
        description="The bridge between ESP32-CAM boards and Home Assistant.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"espcam-bridge {__version__}")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--log-format", choices=("text", "json"), default="text", help="how logs look on stderr")
    shared.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, handler: Handler, help_text: str, description: str = "") -> argparse.ArgumentParser:
        sub = commands.add_parser(name, parents=[shared], help=help_text, description=description or help_text)
        sub.set_defaults(handler=handler)
        return sub

    _add_config_option(command("run", _run, "the bridge: cameras in, events out"))
    _add_demo(command("demo", _demo, "see it work: broker, simulated cameras, bridge and page in one"))
    _add_simulate(command("simulate", _simulate, "act as ESP32-CAM boards that play a video, pictures or a webcam"))
    _add_detect(command("detect", _detect, "try the detector on pictures, folders or a video"))
    _add_config_option(command("check", _check, "validate a configuration; every problem with its line and its mend"))
    init = command("init", _init, "write a commented starter configuration; never overwrites")
    init.add_argument("directory", nargs="?", type=Path, default=Path(), help="where to (default: here)")
    command("schema", _schema, "print the configuration's JSON Schema, for editors' completion")
    _add_config_option(
        command("discovery", _discovery, "print the Home Assistant discovery messages as JSON; connects nowhere")
    )
    _add_doctor(command("doctor", _doctor, "what keeps the bridge from working, one line a finding, with its mend"))
    command("password", _password, "hash a password for http.password in the configuration")
    models = commands.add_parser("models", help="what is here; make another form of a model; find the best one")
    _add_models(models, shared)
    return parser


def _add_config_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        metavar="FILE",
        help="default: $ESPCAM_BRIDGE_CONFIG, ./espcam-bridge.yaml, /etc/espcam-bridge/espcam-bridge.yaml",
    )


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", metavar="PATH", help="a video, picture or folder (default: footage made here)")
    parser.add_argument("--cameras", type=_count, default=2, metavar="N", help="simulated cameras (default: 2)")
    parser.add_argument("--duration", type=_seconds, metavar="S", help="stop after this many seconds")
    parser.add_argument("--model", metavar="PATH", help="a model (default: found or downloaded YOLO11n)")


def _add_simulate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", required=True, help="ws://HOST:3001/ws/CAMERA_ID")
    parser.add_argument(
        "--source", required=True, metavar="PATH", help="video, image, folder of JPEGs (sent byte for byte) or webcam:0"
    )
    parser.add_argument("--fps", type=_seconds, metavar="F", help="frames a second (default: the video's own, else 10)")
    parser.add_argument("--cameras", type=_count, default=1, metavar="N", help="how many: ID becomes ID_1 ... ID_N")
    parser.add_argument("--token", metavar="T", help="the cameras' shared secret")
    parser.add_argument("--duration", type=_seconds, metavar="S", help="stop after this many seconds")
    parser.add_argument("--loop", action=argparse.BooleanOptionalAction, default=True, help="begin again at the end")
    parser.add_argument("--legacy", action="store_true", help="speak exactly as the first sketch does")
    parser.add_argument(
        "--without",
        type=_names,
        default=frozenset(),
        metavar="A,B",
        help="boards that lack these: framesize, quality, max_fps, flash, restart, update",
    )
    parser.add_argument("--deaf", action="store_true", help="boards that never obey or answer a command")
    parser.add_argument("--board", default="simulated", metavar="B", help="what boards they are, for firmware updates")
    parser.add_argument(
        "--firmware-version", default=__version__, metavar="V", help="that they begin with (default: the bridge's)"
    )
    parser.add_argument(
        "--updates",
        choices=("works", "fails", "rolls_back"),
        default="works",
        help="what becomes of firmware updates (default: works)",
    )
    faults = parser.add_argument_group("what goes wrong", "drawn from --seed, so that the same happens again")
    faults.add_argument("--weak", type=_seconds, metavar="KBIT_S", help="Wi-Fi that carries so much, with its signal")
    faults.add_argument("--drop", type=_share, default=0.0, metavar="P", help="share of pictures that are lost")
    faults.add_argument(
        "--delay", type=_seconds, default=0.0, metavar="MS", help="how late pictures leave, in the mean"
    )
    faults.add_argument("--damage", type=_share, default=0.0, metavar="P", help="share of pictures that arrive damaged")
    faults.add_argument("--storm", type=_seconds, metavar="S", help="links break after so long, without being closed")
    faults.add_argument("--freeze", type=_seconds, metavar="S", help="boards stand still for 20 s after so long")
    faults.add_argument("--seed", type=int, default=0, metavar="N", help="of what is drawn (default: 0)")


def _add_detect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="pictures, folders or a video")
    _add_config_option(parser)
    parser.add_argument("--model", metavar="M", help="a name (yolo11n) or a path (default: the configuration's)")
    parser.add_argument("--confidence", type=_share, metavar="C", help="lowest score, 0..1 (default: 0.25)")
    parser.add_argument(
        "--iou", type=_share, metavar="U", help="overlap that makes two boxes one, 0..1 (default: 0.45)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a picture")
    parser.add_argument("--save", type=Path, metavar="DIR", help="write annotated copies there")


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    _add_config_option(parser)
    parser.add_argument("--fix", action="store_true", help="clear what is stale at the broker; asks first")
    parser.add_argument("--yes", action="store_true", help="with --fix: do not ask")
    parser.add_argument("--json", action="store_true", help="as JSON")


def _add_models(parser: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    there = actions.add_parser("list", parents=[shared], help="every model on this machine, and which one auto takes")
    there.set_defaults(handler=_models_list)
    there.add_argument("--json", action="store_true", help="as JSON")
    export = actions.add_parser("export", parents=[shared], help="make the OpenVINO FP32, FP16 or INT8 form of a model")
    export.set_defaults(handler=_models_export)
    export.add_argument("model", metavar="MODEL", help="a name (yolo11n), a .pt, an .onnx or an *_openvino_model/")
    export.add_argument("--precision", choices=("int8", "fp16", "fp32"), default="int8", help="default: int8")
    export.add_argument("--size", type=_pixels, default=640, metavar="PX", help="longer side, for INT8 (default: 640)")
    export.add_argument(
        "--aspect", type=_aspect, default=(4, 3), metavar="W:H", help="of the cameras' pictures (default: 4:3)"
    )
    export.add_argument("--output", type=Path, metavar="DIR", help="where to (default: beside the model)")
    export.add_argument("--force", action="store_true", help="keep it even if it sees less than the exact form")
    _add_footage(export)
    bench = actions.add_parser(
        "bench", parents=[shared], help="time every runtime, form and size on your own frames and name the best"
    )
    bench.set_defaults(handler=_models_bench)
    bench.add_argument(
        "--model",
        action="append",
        metavar="M",
        help="a name (all its forms) or a path; repeatable (default: auto and starter)",
    )
    bench.add_argument(
        "--sizes", type=_sizes, metavar="PX,PX", help="for models that take any (default: 640,480,320)", default=None
    )
    bench.add_argument("--seconds", type=_seconds, default=3.0, metavar="S", help="each timing takes (default: 3)")
    bench.add_argument("--no-accuracy", action="store_true", help="time only: needs no frames")
    bench.add_argument("--json", action="store_true", help="as JSON")
    bench.add_argument("--write", type=Path, metavar="FILE", help="write the winning lines there; never overwrites")
    _add_footage(bench)


def _add_footage(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("your cameras' frames")
    group.add_argument(
        "--frames", nargs="+", type=Path, default=[], metavar="PATH", help="pictures, folders of them, videos"
    )
    group.add_argument("--bridge", metavar="URL", help="collect them from a bridge that runs: http://host:8080")
    group.add_argument("--collect", type=_seconds, default=60.0, metavar="S", help="for how long (default: 60)")
    group.add_argument("--token", metavar="T", help="the bridge's http.api_token")
    group.add_argument("--password", metavar="P", help="the bridge's http.password; http://USER:P@host works as well")


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 64:  # noqa: PLR2004 - said in the message
        raise argparse.ArgumentTypeError("must be 1 to 64")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be above 0")
    return value


def _names(text: str) -> frozenset[str]:
    return frozenset(name for name in text.split(",") if name)


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must be 0 to 1")
    return value


def _pixels(text: str) -> int:
    value = int(text)
    if not 32 <= value <= 4096 or value % 32:  # noqa: PLR2004 - said in the message
        raise argparse.ArgumentTypeError("must be a multiple of 32, 32 to 4096")
    return value


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(_pixels(part) for part in text.split(","))


def _aspect(text: str) -> tuple[int, int]:
    width, _, height = text.partition(":")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise argparse.ArgumentTypeError("must be WIDTH:HEIGHT, such as 4:3, 16:9 or 1:1")
    return int(width), int(height)


def _run(arguments: argparse.Namespace) -> int:
    from bridge.commands import run  # noqa: PLC0415 - loaded only when asked for, as all below

    return run.run(arguments.config, os.environ)


def _demo(arguments: argparse.Namespace) -> int:
    from bridge.commands import demo  # noqa: PLC0415

    options = demo.DemoOptions(arguments.source, arguments.cameras, arguments.duration, arguments.model)
    return demo.run(options)


def _simulate(arguments: argparse.Namespace) -> int:
    from bridge.commands import simulate  # noqa: PLC0415
    from bridge.simulate import twin  # noqa: PLC0415
    from bridge.simulate.faults import Faults  # noqa: PLC0415
    from bridge.simulate.update import UpdateManner  # noqa: PLC0415

    return simulate.run(
        simulate.SimulateOptions(
            url=arguments.url,
            source=arguments.source,
            fps=arguments.fps,
            cameras=arguments.cameras,
            token=arguments.token,
            duration_s=arguments.duration,
            loop=arguments.loop,
            legacy=arguments.legacy,
            looks=twin.Looks(
                board=arguments.board,
                version=arguments.firmware_version,
                lacks=arguments.without,
                deaf=arguments.deaf,
                updates=UpdateManner(arguments.updates),
                faults=Faults(
                    weak_kbit_s=arguments.weak,
                    drop=arguments.drop,
                    delay_ms=arguments.delay,
                    damage=arguments.damage,
                    storm_s=arguments.storm,
                    freeze_s=arguments.freeze,
                    seed=arguments.seed,
                ),
            ),
        )
    )


def _detect(arguments: argparse.Namespace) -> int:
    from bridge import wiring  # noqa: PLC0415
    from bridge.commands import detect  # noqa: PLC0415
    from bridge.config.loader import find_config, load_config  # noqa: PLC0415

    config = load_config(find_config(arguments.config, os.environ, Path.cwd()), os.environ)
    settings = wiring.detector_settings(config)
    options = detect.DetectOptions(
        paths=arguments.paths,
        settings=replace(settings, model=arguments.model) if arguments.model else settings,
        confidence=config.detector.confidence if arguments.confidence is None else arguments.confidence,
        iou=config.detector.iou if arguments.iou is None else arguments.iou,
        as_json=arguments.json,
        save_dir=arguments.save,
    )
    return detect.run(options, sys.stdout)


def _check(arguments: argparse.Namespace) -> int:
    from bridge.commands import config  # noqa: PLC0415

    return config.check(arguments.config, os.environ)


def _init(arguments: argparse.Namespace) -> int:
    from bridge.commands import config  # noqa: PLC0415

    return config.init(arguments.directory)


def _schema(_: argparse.Namespace) -> int:
    from bridge.commands import config  # noqa: PLC0415

    return config.schema()


def _discovery(arguments: argparse.Namespace) -> int:
    from bridge import wiring  # noqa: PLC0415
    from bridge.commands import discovery  # noqa: PLC0415
    from bridge.config.loader import find_config, load_config  # noqa: PLC0415
    from bridge.controls.remembered import OFFERS, offer_from_json  # noqa: PLC0415
    from bridge.runtime.statefile import StateFile  # noqa: PLC0415

    config = load_config(find_config(arguments.config, os.environ, Path.cwd()), os.environ)
    offers = StateFile(config.state_file).section(OFFERS)
    cameras = [
        wiring.published_camera(camera, offer_from_json(offers.get(camera.id))) for camera in config.first_cameras()
    ]
    return discovery.run(wiring.publish_settings(config), cameras, sys.stdout)


def _doctor(arguments: argparse.Namespace) -> int:
    from bridge.commands import doctor  # noqa: PLC0415

    options = doctor.DoctorOptions(arguments.config, arguments.fix, arguments.yes, arguments.json)
    return doctor.run(options, os.environ, sys.stdout)


def _password(_: argparse.Namespace) -> int:
    from bridge.commands import password  # noqa: PLC0415

    return password.run()


def _models_list(arguments: argparse.Namespace) -> int:
    from bridge.commands import models  # noqa: PLC0415

    return models.list_models(os.environ, sys.stdout, as_json=arguments.json)


def _models_export(arguments: argparse.Namespace) -> int:
    from bridge.commands import models  # noqa: PLC0415

    options = models.ExportOptions(
        model=arguments.model,
        precision=arguments.precision,
        image_size=arguments.size,
        aspect=arguments.aspect,
        footage=_footage(arguments),
        output=arguments.output,
        force=arguments.force,
    )
    return models.export_model(options, os.environ, sys.stdout)


def _models_bench(arguments: argparse.Namespace) -> int:
    from bridge.commands import models_bench  # noqa: PLC0415

    options = models_bench.BenchOptions(
        models=arguments.model or models_bench.MODELS,
        sizes=arguments.sizes or models_bench.SIZES,
        footage=_footage(arguments),
        seconds=arguments.seconds,
        accuracy=not arguments.no_accuracy,
        as_json=arguments.json,
        write=arguments.write,
    )
    return models_bench.run(options, os.environ, sys.stdout)


def _footage(arguments: argparse.Namespace) -> FootageOptions:
    from bridge.commands.footage import FootageOptions  # noqa: PLC0415

    return FootageOptions(arguments.frames, arguments.bridge, arguments.token, arguments.password, arguments.collect)
