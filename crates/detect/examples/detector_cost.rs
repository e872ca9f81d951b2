//! Prints what judging costs: ordinary values, and the worst shapes we know at 128 KB.
//!
//! `cargo run --release -p gambeson-detect --example detector_cost [beginning of a name]`

use gambeson_detect::{Budget, Where, judge};
use std::{hint::black_box, time::Instant};

const PROSE: &str = "It was a quiet evening at the harbour; the boats had come in, and the gulls (three or four) sat on the wall. \
    Anna's brother said: \"We'll leave at 6, or a little later -- it depends on the wind.\" Nobody objected & so they went. ";

fn main() {
    let only = std::env::args().nth(1);
    let wanted = |name: &str| only.as_deref().is_none_or(|o| name.starts_with(o));
    let prose = PROSE.repeat(5);
    let ordinary = [
        ("word", "comments".to_owned()),
        ("number", "1234567".to_owned()),
        ("name", "Sinead O'Connor".to_owned()),
        ("mail address", "anna.smith@example.com".to_owned()),
        ("UUID", "8d8ac610-566d-4ef0-9c22-186b2a5ed793".to_owned()),
        ("token", "dGhpcyBpcyBub3QgdGV4dAABAgMEBQYHCAkKCwwNDg8".to_owned()),
        ("URL", "https://example.com/a/b?c=d&e=f#g".to_owned()),
        ("sentence", PROSE.get(..109).unwrap_or_default().to_owned()),
        ("prose, 1 KB", prose.get(..1024).unwrap_or_default().to_owned()),
        ("German, 1 KB", "Die Straße führt über Brücken; für fünf Gäste gibt's Plätze. ".repeat(17)),
        ("Russian, 1 KB", "Лодки пришли, и чайки сидели на стене; ".repeat(16)),
        ("rich text, 1 KB", "<p>It's <strong>bold</strong> &amp; <a href=\"/a?b=c\">linked</a>.</p>".repeat(15)),
        ("JSON, 1 KB", format!("{{{}}}", r#""name":"O'Brien","text":"a & b","#.repeat(31).trim_end_matches(','))),
        ("path", "/static/img/logo.png".to_owned()),
    ];
    println!("{:<28} {:>8} {:>12} {:>10}", "ordinary", "bytes", "ns", "steps");
    for (name, value) in ordinary.iter().filter(|(name, _)| wanted(name)) {
        measure(name, value.as_bytes(), 100);
    }
    println!("{:<28} {:>8} {:>12} {:>10}", "hostile, 128 KB", "bytes", "ns", "steps");
    for piece in HOSTILE.iter().filter(|piece| wanted(piece)) {
        let text = piece.repeat(131_072 / piece.len());
        measure(&piece.escape_debug().to_string().chars().take(28).collect::<String>(), text.as_bytes(), 1);
    }
}

/// Shapes that make parsers go back, nest, decode or report without end.
const HOSTILE: &[&str] = &[
    "'",
    "\"",
    "<",
    "<a ",
    "<a b=\"",
    "<a b='<",
    "<script>",
    "<style>",
    "<iframe src=x>",
    "&lt;",
    "&#60;",
    "%27",
    "%2527",
    "%252527",
    "\\x27",
    "(",
    "((select ",
    "/*",
    "/**/",
    "/*!",
    "*/",
    "-- \n",
    "#\n",
    "[",
    "`",
    "$$",
    "'' ",
    "1 or ",
    ";",
    "; id",
    ";id;",
    "|",
    "| id ",
    "`id`",
    "$(",
    "\n",
    "\n ",
    " ",
    "../",
    "..\\",
    "{{",
    "{{7*7}}",
    "${",
    "${jndi:",
    "{%",
    "__class__",
    "__a__.",
    ".__class__",
    "{\"a\":\"b'\"},",
    "\"a'\",",
    "\u{ff1c}",
    "\u{201d}",
    "\0",
    "\r\n",
    "+ADw-",
    "AAAA",
    "QUFB",
    ")(",
    ")(a=",
    "$where",
    "\"$gt\":",
    "<!ENTITY ",
    "<!DOCTYPE x ",
    "<x:include href=",
    "<x a:schemaLocation=",
    "O:",
    "!!python/",
    ".oast.",
    "cos\n",
    "(S'a'\n",
    "a:b@",
    "http://",
    "onx=",
    " onclick=a(",
    "javascript:",
    "union select ",
    "a' union select ",
    "' or 'a'='a",
    "';alert(1)",
    "/a",
    "x/",
    "a ",
    "é",
    "д",
];

/// The best of so many: a busy machine disturbs most.
const REPEATS: usize = 30;

fn measure(name: &str, value: &[u8], rounds: u32) {
    let mut steps = 0;
    let mut best = u128::MAX;
    for _ in 0..REPEATS {
        let start = Instant::now();
        for _ in 0..rounds {
            let mut budget = Budget::new(u64::MAX);
            black_box(judge(black_box(value), Where::Value, &mut budget));
            steps = u64::MAX - budget.steps_left();
        }
        best = best.min(start.elapsed().as_nanos() / u128::from(rounds));
    }
    println!("{name:<28} {:>8} {best:>12} {steps:>10}", value.len());
}
