//! What transformations and operators cost, in nanoseconds a value: `cargo run --release --example operator_cost`.
//!
//! A rough guide to where time goes; only the ratios between rows of one run mean something.

use std::hint::black_box;
use std::time::{Duration, Instant};

use gambeson_seclang::NoFiles;
use gambeson_seclang::operator::{Operator, OperatorError};
use gambeson_seclang::transform::{ByteSet, Transform};

const PROSE: &str = "We were very happy with the jacket and it kept us warm on the long walk. ";

/// Values as requests bring them, and one made to be decoded.
fn values() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("word, 6 bytes", b"jacket".to_vec()),
        ("number, 4 bytes", b"1999".to_vec()),
        ("browser, 70 bytes", b"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0".to_vec()),
        ("prose, 1 KiB", PROSE.repeat(14).into_bytes()),
        ("escapes, 1 KiB", b"%u0027%20&lt;a\\x41/*b*/ ".repeat(43)),
        ("quotes, 128 KiB", b"'".repeat(128 << 10)),
        ("tags, 128 KiB", b"<a b=".repeat(26 << 10)),
    ]
}

fn main() -> Result<(), OperatorError> {
    let operators = [
        ("@rx", Operator::compile("rx", r"(?i)union[\s\x0b]+select", &NoFiles)?),
        ("@pm", Operator::compile("pm", "document.cookie document.write .innerhtml window.location <!--", &NoFiles)?),
        ("@detectSQLi", Operator::compile("detectSQLi", "", &NoFiles)?),
        ("@detectXSS", Operator::compile("detectXSS", "", &NoFiles)?),
        ("@validateByteRange", Operator::compile("validateByteRange", "1-255", &NoFiles)?),
    ];
    let names =
        ["urlDecodeUni", "htmlEntityDecode", "jsDecode", "cssDecode", "utf8toUnicode", "lowercase", "cmdLine", "normalizePath"];
    for (title, value) in values() {
        println!("{title}");
        report("bytes it holds", || ByteSet::of(black_box(&value)));
        for transform in names.iter().filter_map(|name| Transform::named(name)) {
            report(&format!("{transform:?}"), || transform.apply(black_box(&value)).len());
        }
        for (name, operator) in &operators {
            report(name, || operator.test(black_box(&value), b"", None));
        }
    }
    Ok(())
}

/// Runs for about 20 ms and prints the mean of the quickest sixteen in a row: other work on the machine only adds.
fn report<T>(name: &str, mut run: impl FnMut() -> T) {
    let start = Instant::now();
    let mut quickest = Duration::MAX;
    while start.elapsed().as_millis() < 20 {
        let batch = Instant::now();
        (0..16).for_each(|_| _ = black_box(run()));
        quickest = quickest.min(batch.elapsed());
    }
    println!("  {name:<20} {:>12} ns", quickest.as_nanos() / 16);
}
