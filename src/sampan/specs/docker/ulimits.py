"""The resource limits that `--ulimit` names, by setrlimit(2)'s names without RLIMIT_, as Docker has them."""

NAMES = (
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
)
