//! Strict HTTP/1 wire format: parse, frame and write messages, nothing lenient.
