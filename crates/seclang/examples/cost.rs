//! What judging a request costs: `cargo run --release --example cost -- DIR [SECONDS [NAME]]`, where DIR holds a Core Rule Set.
//!
//! Prints the processor time for each request in process (no network): a page fetched with a browser's headers, a form of 1 KB,
//! JSON of 8 KB, each with a small page as the answer and with other words and numbers in every round, at the first paranoia level
//! and blocking; then the memory that the rules have taken by now; then the cost of some hostile bodies of 128 KB.

mod common;

/// As the gateway has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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

/// Rounds before the measure: what a server has behind it after its first seconds.
const WARM_UP: u32 = 300;

/// A request to measure.
#[derive(Clone)]
struct Request {
    name: &'static str,
    method: &'static str,
    target: String,
    content_type: Option<&'static str>,
    body: Vec<u8>,
}

fn main() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("which folder? It holds rules/ and crs-setup.conf.example")?;
    let seconds = arguments.next().and_then(|s| s.parse().ok()).unwrap_or(2);
    let only = arguments.next().unwrap_or_default();
    let before = common::memory_kib();
    let start = Instant::now();
    let rules = common::load(Path::new(&folder), "SecRuleEngine On")?;
    println!("loaded {} rules in {:.2} s", rules.len(), start.elapsed().as_secs_f64());
    for (phase, (always, found)) in (1..).zip(rules.planned()) {
        println!("phase {phase}: {} rules run, {} more if there is something for them", always.len(), found.len());
        if only == "plan" {
            println!("{always:?}");
        }
    }
    for make in ORDINARY.iter().filter(|make| make(0).name.contains(&only)) {
        let (cost, rounds) = measure(&rules, *make, WARM_UP, Duration::from_secs(seconds));
        println!("{:<24} {cost:>9.1} us  ({rounds} rounds){}", make(0).name, told(&rules, &make(0)));
    }
    println!("memory: {:.1} MiB for rules, automata and what they keep", (common::memory_kib() - before) as f64 / 1024.0);
    for request in hostile().iter().filter(|request| request.name.contains(&only)) {
        let (cost, rounds) = measure(&rules, |_| request.clone(), 1, Duration::from_millis(500));
        println!("{:<24} {:>9.2} ms  ({rounds} rounds){}", request.name, cost / 1000.0, told(&rules, request));
    }
    Ok(())
}

/// Makes the request of a round: every round has other numbers, words and identifiers in the same fields.
type Make = fn(u32) -> Request;

/// The three requests of the goals.
const ORDINARY: [Make; 3] = [get, form, json];

fn get(round: u32) -> Request {
    let target = format!("/search?q=winter+jacket+{}&page={}&sort=price_asc", word(round), round % 50);
    Request { name: "GET", method: "GET", target, content_type: None, body: Vec::new() }
}

fn form(round: u32) -> Request {
    let name = word(round);
    let mut body =
        format!("name=Anna+{name}&email={name}%40example.org&rating={}&title=Warm+and+{name}&newsletter=yes&review=", round % 5);
    body += &prose(round, 1100).replace(' ', "+").replace('.', "%2E");
    body.truncate(1024);
    Request {
        name: "form 1 KB",
        method: "POST",
        target: "/review".into(),
        content_type: Some("application/x-www-form-urlencoded"),
        body: body.into_bytes(),
    }
}

fn json(round: u32) -> Request {
    let mut body = format!("{{\"order\": {round}, \"items\": [");
    for i in 0.. {
        let number = round.wrapping_mul(97).wrapping_add(i);
        let colour = ["red", "blue", "moss"].get(i as usize % 3).copied().unwrap_or_default();
        let (sku, qty, price, gift) = (1000 + number % 9000, i % 4 + 1, 19.5 + f64::from(number % 500), i % 2 == 0);
        let (note, comma) = (prose(number, 20 + i as usize % 40), if i > 0 { ", " } else { "" });
        let _ = write!(
            body,
            "{comma}{{\"sku\": \"JKT-{sku}\", \"qty\": {qty}, \"price\": {price}, \"colour\": \"{colour}\", \"gift\": {gift}, \"note\": \"{note}\"}}"
        );
        if body.len() >= 8190 {
            break;
        }
    }
    body += "]}";
    Request {
        name: "JSON 8 KB",
        method: "POST",
        target: "/api/order".into(),
        content_type: Some("application/json"),
        body: body.into_bytes(),
    }
}

/// A word of its own for each number.
fn word(number: u32) -> String {
    let mut rest = number.wrapping_mul(2_654_435_761);
    let mut letters = || {
        rest = rest.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        char::from(b'a' + u8::try_from(rest >> 16 & 15).unwrap_or(0))
    };
    (0..7).map(|_| letters()).collect()
}

/// A text of this length, other for each number.
fn prose(number: u32, length: usize) -> String {
    let mut text = format!("{} was what we said. ", word(number));
    while text.len() < length {
        text += PROSE;
    }
    text.truncate(length);
    text.trim_end().to_owned()
}

/// Bodies that are made to cost much.
fn hostile() -> Vec<Request> {
    const SIZE: usize = 128 << 10;
    let long = |unit: &str| unit.repeat(SIZE / unit.len() + 1)[..SIZE].to_owned();
    let form = |name, body: String| Request {
        name,
        method: "POST",
        target: "/".into(),
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
        form("128 KB of (((", long("(")),
        form("128 KB of quotes", long("'\"`")),
        form("128 KB of base64", noise(2 * SIZE).replace(|c: char| !c.is_ascii_alphanumeric(), "").chars().take(SIZE).collect()),
        form("128 KB of noise", noise(SIZE)),
        Request {
            content_type: Some("application/json"),
            body: format!("[\"{}\"]", &long("\\u0027")[..SIZE / 6 * 6]).into_bytes(),
            ..form("128 KB of \\u0027", String::new())
        },
        Request {
            content_type: Some("application/json"),
            body: long("{\"a\":[").into_bytes(),
            ..form("128 KB of {[", String::new())
        },
        form("128 KB of arguments", long("b=c&d=e&")),
        form("900 attacks", format!("b=1&{}", "c='+or+1%3d1+--+<script>alert(1)</script>;cat+/etc/passwd&".repeat(900))),
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

/// The same under a name of its own, for profilers.
#[inline(never)]
fn judge_warm(rules: &RuleSet, request: &Request) {
    let _ = judge(rules, request).finish();
}

fn told(rules: &RuleSet, request: &Request) -> String {
    let verdict = judge(rules, request).finish();
    let ids: Vec<String> = verdict.matches.iter().map(|m| m.rule.to_string()).collect();
    if ids.is_empty() { String::new() } else { format!("  matched {}", ids.join(" ")) }
}

/// Processor time for one request in microseconds, without that for making it, and how often it was judged.
fn measure(rules: &RuleSet, make: impl Fn(u32) -> Request, warm_up: u32, time: Duration) -> (f64, u32) {
    for round in 0..warm_up {
        let _ = judge(rules, &make(round)).finish();
    }
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let mut rounds = 0;
    while start.elapsed() < time {
        judge_warm(rules, &make(warm_up + rounds));
        rounds += 1;
    }
    let judged = cpu_seconds();
    (0..rounds).for_each(|round| drop(std::hint::black_box(make(warm_up + round))));
    let made = cpu_seconds() - judged;
    ((judged - cpu - made) / f64::from(rounds) * 1e6, rounds)
}

/// Processor time of this process so far, in seconds.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|n| n.parse::<f64>().ok()).map_or(0.0, |nanoseconds| nanoseconds / 1e9)
}
