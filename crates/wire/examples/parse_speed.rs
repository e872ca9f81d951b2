//! Measures the parser on ordinary heads: `cargo run --release -p gambeson-wire --example parse_speed`.
//!
//! Prints nanoseconds per head: the best of several rounds, since anything slower is the machine's other work.

use bytes::BytesMut;
use gambeson_wire::{ConnectionOption, Framing, Limits, Scan, parse_request, parse_response, write_request, write_response};
use http::Method;
use std::hint::black_box;
use std::time::Instant;

/// The allocator of the gateway, so that the figures are its own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const GET: &[u8] = b"GET /articles/2026/11/quilted-armour?page=2&sort=new HTTP/1.1\r\n\
Host: comments.example.com\r\n\
Connection: keep-alive\r\n\
Upgrade-Insecure-Requests: 1\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8\r\n\
Sec-Fetch-Site: same-origin\r\n\
Sec-Fetch-Mode: navigate\r\n\
Sec-Fetch-Dest: document\r\n\
Referer: https://comments.example.com/articles\r\n\
Accept-Encoding: gzip, deflate, br, zstd\r\n\
Accept-Language: en-GB,en;q=0.9\r\n\
Cookie: session=0f2c9b7e5d3a41c8b6e1f0a9d8c7b6a5; theme=dark\r\n\r\n";

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nServer: gunicorn\r\nDate: Sun, 22 Nov 2026 08:00:00 GMT\r\nConnection: keep-alive\r\n\
Content-Type: text/html; charset=utf-8\r\nContent-Length: 4812\r\nVary: Cookie\r\n\r\n";

const ROUNDS: usize = 20;
const HEADS: u32 = 50_000;

fn best_ns(name: &str, mut once: impl FnMut()) {
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..HEADS {
            once();
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(HEADS));
    }
    println!("{name:32} {best:7.1} ns");
}

fn main() {
    let limits = Limits::default();
    let mut scan = Scan::default();
    best_ns("parse GET, 12 fields", || drop(black_box(parse_request(black_box(GET), &mut scan, &limits))));
    best_ns("parse 200, 6 fields", || drop(black_box(parse_response(black_box(OK), &mut scan, &limits, &Method::GET))));

    let mut out = BytesMut::with_capacity(4096);
    if let Ok(Some((_, head))) = parse_request(GET, &mut scan, &limits) {
        best_ns("write GET", || {
            out.clear();
            let written =
                write_request(&mut out, &head.method, &head.target, &head.headers, &[], head.framing, ConnectionOption::Default);
            let _ = black_box(written);
        });
    }
    if let Ok(Some((_, head))) = parse_response(OK, &mut scan, &limits, &Method::GET) {
        best_ns("write 200", || {
            out.clear();
            write_response(&mut out, head.status, &head.headers, &[], Framing::Length(4812), ConnectionOption::Default);
            black_box(&out);
        });
    }
}
