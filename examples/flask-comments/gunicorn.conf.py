"""Read by gunicorn by itself: threads, because the live page keeps connections open."""

worker_class = "gthread"
workers = 1
threads = 32
graceful_timeout = 2  # seconds; open live pages would otherwise hold a stop up for thirty
control_socket_disable = True  # it would be one per user, and several of these apps may run at once
