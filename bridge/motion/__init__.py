"""Motion: does this frame differ from what the camera usually shows?"""
