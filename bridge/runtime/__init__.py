"""Runtime: clocks, threads, back-off, rates and metrics; knows nothing of cameras."""
