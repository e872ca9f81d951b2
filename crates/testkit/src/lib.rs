//! For tests: the Markdown cases of the layers, and scripted upstreams.
