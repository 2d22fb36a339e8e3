"""The one door to OpenCV: says plainly what is missing, and keeps its threads in hand.

Everybody writes ``from bridge.frames.opencv import cv2``.
"""

from bridge.errors import DependencyMissing

try:
    import cv2
except ImportError as error:  # opencv-python needs libGL.so.1, which slim Debian images lack
    library = str(error).partition(":")[0]
    from_system = ".so" in library
    raise DependencyMissing(
        f"{library} (OpenCV needs it)" if from_system else "opencv-python",
        "run: sudo apt-get install libgl1 libglib2.0-0" if from_system else "run: pip install opencv-python",
    ) from error

# Our stages are the parallelism; OpenCV's own pool would fight OpenVINO for the same few cores.
cv2.setNumThreads(1)

__all__ = ["cv2"]
