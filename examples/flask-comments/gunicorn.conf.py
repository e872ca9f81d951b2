"""Read by gunicorn by itself: threads, because the live page keeps connections open."""

worker_class = "gthread"
workers = 1
threads = 32
