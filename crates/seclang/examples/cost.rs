//! What judging a request costs: `cargo run --release --example cost -- DIR [SECONDS [NAME]]`, where DIR holds a Core Rule Set.
//!
//! Prints the processor time for each request in process (no network): a page fetched with a browser's headers, a form of 1 KB,
//! JSON of 8 KB, each with a small page as the answer, at the first paranoia level and blocking; then the worst of some hostile
//! bodies of 128 KB; and the memory that the rules take.

mod common;

use gambeson_seclang::{RuleSet, Transaction};
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

const HEADERS: [(&str, &str); 11] = [
    ("Host", "shop.example.org"),
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
    ("Accept-Language", "en-GB,en;q=0.7,de;q=0.3"),
    ("Accept-Encoding", "gzip, deflate, br"),
    ("Referer", "https://shop.example.org/category/outdoor"),
    ("Cookie", "session=eyJ1aWQiOjQyfQ.Zk3x9w.d8Yw2kq1; theme=dark; cart=3f9a1c"),
    ("Sec-Fetch-Dest", "document"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Site", "same-origin"),
    ("DNT", "1"),
];

const PROSE: &str = "We were very happy with the jacket and it kept us warm on the long walk. ";
const PAGE: &[u8] = b"<!doctype html><title>ok</title><p>All good here. All good here. All good here. All good here.</p>";

/// A request to measure.
struct Request {
    name: &'static str,
    method: &'static str,
    target: &'static str,
    content_type: Option<&'static str>,
    body: Vec<u8>,
}

fn main() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("which folder? It holds rules/ and crs-setup.conf.example")?;
    let seconds = arguments.next().and_then(|s| s.parse().ok()).unwrap_or(2);
    let only = arguments.next().unwrap_or_default();
    let before = memory_kib();
    let start = Instant::now();
    let rules = common::load(Path::new(&folder), "SecRuleEngine On")?;
    println!("loaded {} rules in {:.2} s", rules.len(), start.elapsed().as_secs_f64());
    for (phase, (always, found)) in (1..).zip(rules.planned()) {
        println!("phase {phase}: {} rules run, {} more if there is something for them", always.len(), found.len());
        if only == "plan" {
            println!("{always:?}");
        }
    }
    for request in ordinary().iter().filter(|request| request.name.contains(&only)) {
        let (cost, rounds) = measure(&rules, request, Duration::from_secs(seconds));
        println!("{:<24} {cost:>9.1} us  ({rounds} rounds){}", request.name, told(&rules, request));
    }
    for request in hostile().iter().filter(|request| request.name.contains(&only)) {
        let (cost, rounds) = measure(&rules, request, Duration::from_millis(500));
        println!("{:<24} {:>9.2} ms  ({rounds} rounds){}", request.name, cost / 1000.0, told(&rules, request));
    }
    println!("memory: {:.1} MiB for rules, automata and what they keep", (memory_kib() - before) as f64 / 1024.0);
    Ok(())
}

/// The three requests of the goals.
fn ordinary() -> [Request; 3] {
    let mut form = "name=Anna+Example&email=anna%40example.org&rating=4&title=Warm+and+light&newsletter=yes&review=".to_owned();
    form += &PROSE.repeat(14).replace(' ', "+").replace('.', "%2E");
    form.truncate(1024);
    let mut json = String::from("{\"order\": 77, \"items\": [");
    for i in 0.. {
        let colour = ["red", "blue", "moss"].get(i % 3).copied().unwrap_or_default();
        let note = PROSE.get(..20 + i % 40).unwrap_or_default().trim();
        let (sku, qty, price, gift) = (1000 + i, i % 4 + 1, 19.5 + i as f64, i % 2 == 0);
        let comma = if i > 0 { ", " } else { "" };
        let _ = write!(
            json,
            "{comma}{{\"sku\": \"JKT-{sku}\", \"qty\": {qty}, \"price\": {price}, \"colour\": \"{colour}\", \"gift\": {gift}, \"note\": \"{note}\"}}"
        );
        if json.len() >= 8190 {
            break;
        }
    }
    json += "]}";
    let request = |name, method, target, content_type, body: String| Request {
        name,
        method,
        target,
        content_type,
        body: body.into_bytes(),
    };
    [
        request("GET", "GET", "/search?q=winter+jacket&page=2&sort=price_asc", None, String::new()),
        request("form 1 KB", "POST", "/review", Some("application/x-www-form-urlencoded"), form),
        request("JSON 8 KB", "POST", "/api/order", Some("application/json"), json),
    ]
}

/// Bodies that are made to cost much.
fn hostile() -> Vec<Request> {
    const SIZE: usize = 128 << 10;
    let long = |unit: &str| unit.repeat(SIZE / unit.len() + 1)[..SIZE].to_owned();
    let form = |name, body: String| Request {
        name,
        method: "POST",
        target: "/",
        content_type: Some("application/x-www-form-urlencoded"),
        body: format!("a={body}").into_bytes(),
    };
    vec![
        form("128 KB of a", long("a")),
        form("128 KB of prose", long(&PROSE.replace(' ', "+"))),
        form("128 KB of ' or", long("'+or+1=1+--+")),
        form("128 KB of <a ", long("%3Ca+b=")),
        form("128 KB of ../", long("..%2f")),
        form("128 KB of ${", long("%24%7B")),
        form("128 KB of noise", noise(SIZE)),
        form("128 KB of arguments", long("b=c&d=e&")),
    ]
}

fn noise(size: usize) -> String {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b' ' + u8::try_from(state % 95).unwrap_or(0))
    };
    (0..size).map(|_| next()).filter(|c| *c != '&').collect()
}

fn judge<'r>(rules: &'r RuleSet, request: &Request) -> Transaction<'r> {
    let mut transaction = Transaction::new(rules);
    transaction.connection(([192, 0, 2, 1], 40_000).into(), ([192, 0, 2, 2], 443).into(), "0123456789abcdef");
    transaction.request_line(request.method.as_bytes(), request.target.as_bytes(), b"HTTP/1.1");
    for (name, value) in HEADERS {
        transaction.request_header(name.as_bytes(), value.as_bytes());
    }
    if let Some(content_type) = request.content_type {
        transaction.request_header(b"Content-Type", content_type.as_bytes());
        transaction.request_header(b"Content-Length", request.body.len().to_string().as_bytes());
    }
    transaction.request_head();
    transaction.request_body(&request.body);
    transaction.request_body_end();
    transaction.response_line(b"HTTP/1.1", 200);
    transaction.response_header(b"Content-Type", b"text/html");
    transaction.response_head();
    transaction.response_body(PAGE);
    transaction.response_body_end();
    transaction
}

fn told(rules: &RuleSet, request: &Request) -> String {
    let verdict = judge(rules, request).finish();
    let ids: Vec<String> = verdict.matches.iter().map(|m| m.rule.to_string()).collect();
    if ids.is_empty() { String::new() } else { format!("  matched {}", ids.join(" ")) }
}

/// Processor time for one request in microseconds, and how often it was judged.
fn measure(rules: &RuleSet, request: &Request, time: Duration) -> (f64, u32) {
    for _ in 0..3 {
        let _ = judge(rules, request).finish();
    }
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let mut rounds = 0;
    while start.elapsed() < time {
        let _ = judge(rules, request).finish();
        rounds += 1;
    }
    ((cpu_seconds() - cpu) / f64::from(rounds) * 1e6, rounds)
}

/// Processor time of this process so far, in seconds.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|n| n.parse::<f64>().ok()).map_or(0.0, |nanoseconds| nanoseconds / 1e9)
}

fn memory_kib() -> i64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0)
}
